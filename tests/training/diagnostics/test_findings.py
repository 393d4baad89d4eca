"""A training's findings on its own result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from features.spec.feature import Feature
from training.data.split import Parts
from training.diagnostics.findings import outgrown, rate_moved

FEATURES = (
    Feature("tenure", "number"),
    Feature("since", "date"),
    Feature("visits", "integer"),
    Feature("kind", "category"),
)


def part(start: int, *, rows: int = 20) -> pl.DataFrame:
    """Rows whose tenure and date begin at a number of days; visits and kinds do not move."""
    days = [start + row for row in range(rows)]
    return pl.DataFrame(
        {
            "tenure": [float(day) for day in days],
            "since": [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in days],
            "visits": [None if row == 0 else row % 5 for row in range(rows)],
            "kind": ["a", "b"] * (rows // 2),
        }
    )


def test_features_that_left_the_learned_range_are_named() -> None:
    """Half the test rows lie beyond every learning row in tenure and date: both are named with the share."""
    found = list(outgrown(Parts(part(0), part(10), part(20), part(30)), FEATURES, left_out=["tenure"]))

    assert [(finding.rule, finding.feature, finding.severity) for finding in found] == [
        ("outside_learned_range", "tenure", "warn"),
        ("outside_learned_range", "since", "warn"),
    ]
    assert all(finding.figures["share"] == 0.5 and finding.detail.startswith("50%") for finding in found)
    assert [finding.figures["left_out"] for finding in found] == [True, False]
    assert [finding.detail.endswith("leaves it out") for finding in found] == [True, False]


def test_a_tenth_of_the_test_rows_is_no_shift() -> None:
    """Two test rows of twenty beyond the range are not named."""
    assert not list(outgrown(Parts(part(0), part(10), part(20), part(22)), FEATURES))


def outcomes(hits: int, rows: int, *, times: int = 1) -> pl.DataFrame:
    """So many hits among rows of customers who have `times` rows each."""
    label = [True] * hits + [False] * (rows - hits)
    return pl.DataFrame({"__label": label, "__group": [row // times for row in range(rows)]})


@pytest.mark.parametrize(
    ("train", "test", "moved"),
    [
        ((10, 1000), (5, 1000), False),
        ((18, 2400), (4, 600), False),
        ((400, 2000), (80, 500), True),
        ((4, 8), (3, 8), False),
    ],
    ids=["five fewer of a rare class", "as dealt", "a fifth fewer", "tiny"],
)
def test_a_rate_has_moved_beyond_a_tenth_and_beyond_chance(
    train: tuple[int, int], test: tuple[int, int], moved: bool
) -> None:
    """A few outcomes more or fewer of a rare class are no shift."""
    learned, judged = (outcomes(*counts) for counts in (train, test))

    assert rate_moved(Parts(learned, learned[:0], learned[:0], judged)) is moved


@pytest.mark.parametrize(("times", "moved"), [(1, True), (4, False)], ids=["four times as many", "four times each"])
def test_rows_that_come_again_move_no_rate(times: int, moved: bool) -> None:
    """40 and 64 of 400 customers are another rate; 10 and 16 of 100, each four times, are not."""
    learned, judged = (outcomes(hits, 400, times=times) for hits in (40, 64))

    assert rate_moved(Parts(learned, learned[:0], learned[:0], judged)) is moved
