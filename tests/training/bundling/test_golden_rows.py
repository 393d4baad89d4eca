"""What the golden rows, which travel with a model, say of any one customer: nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from features.spec.feature import Feature
from training.bundling.golden_rows import SHARED_BY, synthetic_rows


def drawn(feature: Feature, column: pl.Series) -> set[Any]:
    """The values that many golden rows hold of a column."""
    rows = synthetic_rows((feature,), pl.DataFrame({feature.name: column}), seed=1, count=2000)
    return {row[feature.name] for row in rows}


@pytest.mark.parametrize("rows", [40, 150, 3000])
def test_no_golden_row_holds_an_extreme_of_few_customers(rows: int) -> None:
    """Each value drawn has at least ten rows at it or beyond, on either side: numbers and dates alike."""
    numbers = pl.Series("x", [float(3 * at) for at in range(rows)])
    days = pl.Series("x", [date(2020, 1, 1) + timedelta(days=at) for at in range(rows)])

    of_numbers = drawn(Feature("x", "number"), numbers)
    of_days = drawn(Feature("x", "date"), days)

    for found, column in ((of_numbers, numbers.to_list()), (of_days, [str(day) for day in days])):
        assert len(found) > 15
        for value in found:
            assert sum(one <= value for one in column) >= SHARED_BY
            assert sum(one >= value for one in column) >= SHARED_BY


def test_of_few_values_the_median_alone_is_drawn() -> None:
    """Fewer than twice ten rows have no value that ten lie on either side of."""
    assert drawn(Feature("x", "number"), pl.Series("x", [1.0, 5.0, 900.0, None])) == {5.0, None}


def test_levels_are_drawn_whichever_their_names() -> None:
    """A level has no end: those that the model knows come, the first and the last by name among them."""
    column = pl.Series("x", ["a"] * 30 + ["b"] * 30 + ["c"] * 30)

    assert drawn(Feature("x", "category", levels=("a", "b", "c")), column) == {"a", "b", "c"}
