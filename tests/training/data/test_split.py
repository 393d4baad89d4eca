"""Who teaches, who stops, who calibrates, who judges: never the same rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build.log_table import LearningTable
from features.errors import DataError
from features.point_in_time.labels import Cutoffs
from features.spec.data_report import BadRowCounts, DataReport
from training.data.split import labels, share_out, split

MOMENTS = [datetime(2024, month, 1, tzinfo=UTC) for month in (1, 3, 5, 7, 9)]


def table(
    label: list[int], *, group: list[int] | None = None, order: list[float | None] | None = None, cutoffs: int = 0
) -> LearningTable:
    """A learning table with no feature; with `cutoffs` its rows are dealt to that many moments in turn."""
    count = len(label)
    moments = [MOMENTS[row % cutoffs] if cutoffs else None for row in range(count)]
    rows = pl.DataFrame(
        {
            "__customer_id": [str(row) for row in range(count)],
            "__cutoff": pl.Series(moments, dtype=pl.Datetime("us", "UTC")),
            "__order": pl.Series(order or [None] * count, dtype=pl.Float64),
            "__label": pl.Series(label, dtype=pl.Int8),
            "__group": pl.Series(group or [row * 2654435761 for row in range(count)], dtype=pl.UInt64),
        }
    )
    when = Cutoffs(tuple(MOMENTS[: cutoffs - 1]), MOMENTS[cutoffs - 1]) if cutoffs else None
    bad: BadRowCounts = {"read": count, "total": 0, "share": 0.0, "rules": {}}
    report: DataReport = {
        "source": "table",
        "rows": count,
        "rows_used": count,
        "bad_rows": bad,
        "notes": [],
        "columns": [],
    }
    return LearningTable(rows, (), None, when, report, "")


@given(st.integers(0, 2**31 - 1), st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_parts_share_no_group_and_lose_no_row(seed: int, copies: int) -> None:
    """Equal rows stay on one side of every border, and each row is in exactly one part."""
    random = np.random.default_rng(seed)
    label = (random.random(1200) < 0.3).astype(int).tolist()
    group = (np.arange(1200) // copies).tolist()

    parts = split(table(label, group=group), seed=seed)

    sets = [set(part["__group"]) for part in (parts.fit, parts.stop, parts.calibrate, parts.test)]
    assert sum(len(one) for one in sets) == len(set().union(*sets))
    assert parts.counts()["train"] + parts.counts()["test"] == 1200


def test_a_table_is_split_by_shares_and_stratified() -> None:
    """A fifth of a ready table is the test, with the base rate of the whole."""
    label = [int(row % 10 == 0) for row in range(5000)]

    parts = split(table(label), seed=7)

    assert parts.test.height == pytest.approx(1000, abs=2)
    assert labels(parts.test).mean() == pytest.approx(0.1, abs=0.002)
    assert labels(parts.calibrate).mean() == pytest.approx(0.1, abs=0.002)


def test_the_seed_decides_and_repeats() -> None:
    """The same seed gives the same parts, another one others."""
    whole = table([row % 3 == 0 for row in range(900)])

    first, again, other = (split(whole, seed=seed) for seed in (1, 1, 2))

    assert first.test.equals(again.test)
    assert not first.test.equals(other.test)


def test_an_ordered_table_is_tested_on_its_latest_rows() -> None:
    """With an order the test rows come after all others, rows of one moment stay together, no moment is early."""
    order = [None if row < 20 else float(row // 50) for row in range(1000)]

    parts = split(table([row % 4 == 0 for row in range(1000)], order=order), seed=7)

    assert min(parts.test["__order"].to_list()) > max(parts.learning["__order"].drop_nulls().to_list())
    assert parts.test.height == 200
    assert parts.learning["__order"].null_count() == 20


def test_a_log_is_tested_at_the_test_cutoff_alone() -> None:
    """With few cutoffs customers are kept apart by their hash, and the test is the last moment."""
    parts = split(table([row // 3 % 3 == 0 for row in range(1200)], cutoffs=3), seed=7)

    assert set(parts.test["__cutoff"]) == {MOMENTS[2]}
    assert set(parts.calibrate["__cutoff"]) == set(MOMENTS[:2])


def test_a_long_log_gives_its_latest_train_cutoff_to_calibration() -> None:
    """From four train cutoffs on, the latest calibrates and does nothing else."""
    parts = split(table([row // 5 % 3 == 0 for row in range(2000)], cutoffs=5), seed=7)

    assert set(parts.calibrate["__cutoff"]) == {MOMENTS[3]}
    assert set(parts.fit["__cutoff"]) == set(MOMENTS[:3])


def test_too_few_of_a_class_is_refused_with_counts() -> None:
    """Below 20 rows of either class nothing is trained, and the message names both counts."""
    with pytest.raises(DataError, match="19 positive and 500 negative"):
        split(table([1] * 19 + [0] * 500), seed=1)


def test_twenty_of_a_class_are_enough() -> None:
    """With 20 outcomes every part still holds both classes."""
    parts = split(table([1] * 20 + [0] * 200), seed=1)

    assert all(labels(part).sum() >= 2 for part in (parts.fit, parts.stop, parts.calibrate, parts.test))


def test_one_moment_cannot_be_ordered_by() -> None:
    """An order of one value leaves no test."""
    with pytest.raises(DataError, match="two moments"):
        split(table([row % 2 for row in range(100)], order=[1.0] * 100), seed=1)


def test_shares_hold_whatever_the_group_sizes(tmp_path: Path) -> None:
    """One group of half the rows goes to one part whole."""
    rows = table([row % 2 for row in range(400)], group=[0] * 200 + list(range(1, 201))).rows

    part = share_out(rows, (0.5, 0.5), seed=3)

    assert len(set(part[:200].tolist())) == 1
