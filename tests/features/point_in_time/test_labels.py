"""Cutoffs and outcomes are what the use case asks for, and what cannot be had is said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from features.build.log_table import learning_table, scoring_table
from features.errors import DataError
from features.point_in_time.labels import naive
from tests.support.worlds import START, log_case, purchases, utc


@pytest.mark.parametrize("outcome", ["present", "absent"])
@pytest.mark.parametrize("gap", [0, 10], ids=["no gap", "a gap"])
def test_a_label_is_what_happens_in_the_window(tmp_path: Path, outcome: str, gap: int) -> None:
    """1 where a purchase does (present) or does not (absent) fall in [cutoff + gap, cutoff + gap + prediction)."""
    events = purchases()
    label = {"event": "purchase", "outcome": outcome}

    table = learning_table(log_case(tmp_path, events, window={"gap": f"{gap}d"}, label=label))

    for cutoff, rows in table.rows.group_by("__cutoff"):
        start = naive(cutoff[0]) + timedelta(days=gap)
        inside = events.filter((pl.col("ts") >= start) & (pl.col("ts") < start + timedelta(days=30)))
        happened = rows["__customer_id"].is_in(inside["customer_id"].unique().to_list())
        assert rows["__label"].cast(pl.Boolean).equals(happened if outcome == "present" else ~happened)


def test_the_default_test_cutoff_is_the_latest_whose_window_is_inside(tmp_path: Path) -> None:
    """The log ends at the midnight after its last event; the prediction window ends there."""
    table = learning_table(log_case(tmp_path, purchases(days=300), window={"gap": "3d"}))

    assert table.cutoffs is not None
    assert table.cutoffs.test == utc(300 - 33)
    assert table.cutoffs.train == (utc(300 - 33 - 3 - 60), utc(300 - 33 - 3 - 30))


def test_fewer_training_cutoffs_are_said(tmp_path: Path) -> None:
    """Where history is short the report says how many cutoffs remain."""
    table = learning_table(log_case(tmp_path, purchases(300, days=130), window={"train_cutoffs": 9}))

    assert table.cutoffs is not None
    assert len(table.cutoffs.train) == 2
    assert any("2 of 9 training cutoffs" in note["detail"] for note in table.report["notes"])


@pytest.mark.parametrize(
    ("cutoff", "rule"),
    [
        ("2030-01-01", "must lie inside the log"),
        ("2020-01-01", "must lie inside the log"),
        ("2024-10-20", "prediction window must end inside the log"),
        ("2024-02-01", "must reach back 60 days"),
    ],
    ids=["after", "before", "too late", "too early"],
)
def test_a_test_cutoff_outside_the_log_is_refused(tmp_path: Path, cutoff: str, rule: str) -> None:
    """The message names the file, the column and the rule."""
    use_case = log_case(tmp_path, purchases(), window={"test_cutoff": cutoff})

    with pytest.raises(DataError, match=rule) as failure:
        learning_table(use_case)

    assert "events.parquet" in str(failure.value)
    assert "'ts'" in str(failure.value)


def test_one_class_only_is_refused(tmp_path: Path) -> None:
    """When nobody, or everybody, does it, there is nothing to learn."""
    days = [START + timedelta(days=i) for i in range(0, 300, 10)]
    log = pl.DataFrame({"customer_id": [f"c{i}" for i in range(50)]}).join(pl.DataFrame({"ts": days}), how="cross")

    with pytest.raises(DataError, match="at least 20 customers with label 0"):
        learning_table(log_case(tmp_path, log.cast({"ts": pl.Datetime("us")})))


def test_no_eligible_customer_is_refused(tmp_path: Path) -> None:
    """When nobody was active, the part is named."""
    early, late = purchases(days=100), purchases(days=20)
    shifted = late.with_columns(pl.col("ts") + timedelta(days=280))
    use_case = log_case(tmp_path, pl.concat([early, shifted]), eligible={"active_within": "7d"})

    with pytest.raises(DataError, match="must have eligible customers, it has none"):
        learning_table(use_case)


def test_a_label_event_that_never_occurs_is_refused(tmp_path: Path) -> None:
    """The event is named with the moment before which it should have occurred."""
    log = purchases().with_columns(kind=pl.lit("visit"))

    with pytest.raises(DataError, match="'purchase' must occur before"):
        learning_table(log_case(tmp_path, log, events={"type": {"column": "kind"}}))


def test_customers_stay_in_one_group(tmp_path: Path) -> None:
    """A customer has the same group at every cutoff, and rows stand by cutoff and id."""
    rows = learning_table(log_case(tmp_path, purchases())).rows

    assert rows.group_by("__customer_id").agg(pl.col("__group").n_unique())["__group"].max() == 1
    assert rows.select("__cutoff", "__customer_id").equals(rows.select("__cutoff", "__customer_id").sort(pl.all()))


def test_a_scoring_table_has_the_features_of_the_model(tmp_path: Path) -> None:
    """The same names in the same order, after customer_id and before eligible; eligible rows are the same numbers."""
    use_case = log_case(tmp_path, purchases(), eligible={"active_within": "90d"})
    learned = learning_table(use_case)
    assert learned.cutoffs is not None

    table = scoring_table(use_case, learned.cutoffs.test)

    names = [feature.name for feature in learned.features]
    assert table.columns == ["customer_id", *names, "eligible"]
    test = learned.rows.filter(pl.col("__cutoff") == learned.cutoffs.test)
    assert table.filter("eligible").select(names).equals(test.select(names))
    assert table.filter("eligible")["customer_id"].to_list() == test["__customer_id"].to_list()
