"""Columns filled only in old, or only in new, rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.spec.feature import Feature
from features.tables.filled import filled_in_part

ROWS = 1000
X = (Feature("x", "number"),)


def table(known: Any, **other: Any) -> pl.DataFrame:
    """Rows whose x is filled where `known` says so."""
    rows = pl.DataFrame({"x": pl.Series([1.0 if one else None for one in known], dtype=pl.Float64)})
    nothing = {"__cutoff": pl.lit(None, pl.Datetime("us", "UTC")), "__order": pl.lit(None, pl.Float64)}
    return rows.with_columns(**{**nothing, **other})


@pytest.mark.parametrize(
    ("known", "ends"),
    [
        (np.arange(ROWS) < 400, (1.0, 0.0)),
        (np.arange(ROWS) >= 700, (0.0, 1.0)),
        ((np.arange(ROWS) < 500) & (np.arange(ROWS) % 5 == 0), (0.2, 0.0)),
    ],
    ids=["old only", "new only", "some of the old"],
)
def test_a_column_filled_at_one_end_is_named(known: Any, ends: tuple[float, float]) -> None:
    """By the rows as they stand, or by their order however they stand; a warning with both shares."""
    mixed = np.random.default_rng(1).permutation(ROWS)
    standing = table(known)
    ordered = standing.with_columns(__order=pl.Series(np.arange(ROWS) * 1.0))[mixed]

    for rows in (standing, ordered):
        (found,) = filled_in_part(rows, X)

        assert (found.rule, found.feature, found.severity) == ("filled_in_part", "x", "warn")
        assert tuple(found.figures.values()) == ends


def test_a_log_is_looked_at_by_its_cutoffs() -> None:
    """The first cutoff's customers are held against the last cutoff's."""
    moments = pl.Series([datetime(2024, 1 + row % 3, 1, tzinfo=UTC) for row in range(ROWS)]).cast(
        pl.Datetime("us", "UTC")
    )

    (found,) = filled_in_part(table(np.arange(ROWS) % 3 == 2, __cutoff=moments), X)

    assert found.figures == {"earliest": 0.0, "latest": 1.0}


@pytest.mark.parametrize(
    "known",
    [
        np.random.default_rng(2).random(ROWS) < 0.3,
        np.random.default_rng(3).random(ROWS) < 0.002,
        np.full(ROWS, False),
        np.arange(ROWS) < 950,
        np.arange(ROWS) % 2 == 0,
    ],
    ids=["by chance", "hardly ever", "never", "a little less of the new", "every other"],
)
def test_columns_filled_throughout_are_not(known: Any) -> None:
    """Missing cells that lie anywhere are no finding."""
    assert not list(filled_in_part(table(known), X))


def test_few_rows_say_nothing() -> None:
    """What chance may do with few rows is no finding."""
    assert not list(filled_in_part(table([True] * 10 + [False] * 30), X))
