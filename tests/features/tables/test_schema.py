"""A feature table is held to its schema at the door: types, logical bounds, finite numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from features.errors import DataError
from features.spec.feature import Feature
from features.tables.schema import STORAGE, check_table

FEATURES = (
    Feature("days", "number", lower=0.0),
    Feature("share", "number", lower=0.0, upper=1.0),
    Feature("count", "integer", lower=0.0),
    Feature("flag", "boolean"),
    Feature("town", "category", levels=("Paris",)),
    Feature("since", "date"),
)
GOOD: dict[str, Any] = {
    "days": 1.5,
    "share": 1.0,
    "count": 0,
    "flag": True,
    "town": "never met",
    "since": datetime(2024, 1, 1, tzinfo=UTC),
}


def table(**cells: Any) -> pl.DataFrame:
    """One row of these cells, typed as feature tables are."""
    row = {**GOOD, **cells}
    schema = {feature.name: STORAGE[feature.type] for feature in FEATURES}
    return pl.DataFrame({name: [value] for name, value in row.items()}, schema=schema)


@pytest.mark.parametrize(
    "cells", [{}, dict.fromkeys(GOOD), {"town": ""}, {"days": 0.0}], ids=["whole", "null", "blank", "zero"]
)
def test_what_fits_passes(cells: dict[str, Any]) -> None:
    """Every feature may be null, a level that was never met is no error, bounds are inclusive."""
    check_table(table(**cells), FEATURES, "table")


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"days": -0.1}, "column 'days' must satisfy >= 0"),
        ({"days": float("nan")}, "column 'days' must satisfy finite"),
        ({"days": float("inf")}, "column 'days' must satisfy finite"),
        ({"share": 1.01}, "column 'share' must satisfy <= 1"),
        ({"count": -1}, "column 'count' must satisfy >= 0"),
    ],
)
def test_what_does_not_fit_is_refused(cells: dict[str, Any], rule: str) -> None:
    """The column and the rule are named, the value is not."""
    with pytest.raises(DataError) as failure:
        check_table(table(**cells), FEATURES, "table")

    assert rule in str(failure.value)
    assert "1.01" not in str(failure.value)


def test_every_broken_rule_is_told_at_once() -> None:
    """Two columns that break their rules are both named."""
    with pytest.raises(DataError) as failure:
        check_table(table(days=-1.0, share=7.0), FEATURES, "table")

    assert len(failure.value.broken) == 2


def test_a_wrong_type_or_a_missing_column_is_refused() -> None:
    """Types are not coerced, and every feature must be there."""
    with pytest.raises(DataError, match=r"'count'"):
        check_table(table().with_columns(pl.col("count").cast(pl.Float64)), FEATURES, "table")
    with pytest.raises(DataError, match=r"flag"):
        check_table(table().drop("flag"), FEATURES, "table")
