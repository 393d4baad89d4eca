"""Figures with intervals, the baseline beside them, arms of campaigns, and what is too little to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from monitoring.realised.arms import HOLDOUT, OTHERS, TREATED, arms_of, weights_without_treated
from monitoring.realised.quality import by_group, measured_quality
from monitoring.realised.rfm_baseline import rfm_quality
from scoring.audiences.campaign import CampaignList, CampaignPlan, CampaignVersions, record_campaign

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def customers(count: int, *, seed: int = 0, sharp: float = 1.0) -> pl.DataFrame:
    """Scored customers with their outcome; `sharp` is how much of what decides the probabilities know."""
    random = np.random.default_rng(seed)
    recency = random.exponential(60, count)
    odds = 1.0 - np.log1p(recency) / 2 + random.normal(0, 0.7, count)
    outcome = (random.random(count) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    known = odds * sharp + (1 - sharp) * random.normal(-1, 1, count)
    return pl.DataFrame(
        {
            "customer_id": [f"c{row}" for row in range(count)],
            "probability": 1 / (1 + np.exp(-known)),
            "band": [("low", "high")[int(value > -1)] for value in known],
            "segment": [None if row % 5 == 0 else "loyal" for row in range(count)],
            "outcome": pl.Series(outcome, dtype=pl.Int8),
            "rfm_recency": recency,
        }
    )


def test_intervals_hold_the_figures() -> None:
    """All of them, and that of the rate the rate."""
    found = measured_quality(customers(3000))

    for name in ("roc_auc", "log_loss", "brier", "lift"):
        low, high = found.intervals[name]
        assert low < getattr(found, name) < high
    assert found.intervals["rate"][0] < found.positives / found.rows < found.intervals["rate"][1]


@pytest.mark.parametrize("outcomes", [0, 19, 60 - 19, 60])
def test_too_few_of_a_class_are_counted_and_no_more(outcomes: int) -> None:
    """Never a NaN: the counts, and that they are too few."""
    rows = customers(60).with_columns(outcome=pl.Series([int(row < outcomes) for row in range(60)], dtype=pl.Int8))

    found = measured_quality(rows)

    assert (found.rows, found.positives, found.too_few) == (60, outcomes, True)
    assert (found.roc_auc, found.intervals) == (None, {})


def test_bands_stand_in_their_order_with_wilson_intervals() -> None:
    """One without a customer has no rate; customers of no segment are of none."""
    low, high, none = by_group(customers(800), "band", ("low", "high", "none"))

    assert [one.code for one in (low, high, none)] == ["low", "high", "none"]
    assert (none.rows, none.realised, none.interval) == (0, None, None)
    for band in (low, high):
        assert band.interval
        assert band.interval[0] < (band.realised or 0) < band.interval[1]
    assert (low.realised or 0) < (high.realised or 0)
    assert [one.code for one in by_group(customers(800), "segment")] == ["loyal"]


def test_a_model_that_knows_more_is_ahead_of_rfm_and_a_blind_one_behind() -> None:
    """With certainty, on the same rows, by an earlier day or by crossing."""
    for earlier, method in ((customers(4000, seed=9), "earlier"), (None, "crossed")):
        ahead, behind = (rfm_quality(customers(4000, seed=1, sharp=sharp), earlier) for sharp in (1.0, 0.1))

        assert ahead
        assert behind
        assert ahead.method == behind.method == method
        assert ahead.gain_interval[0] > 0 > behind.gain_interval[1]


def test_without_rfm_features_there_is_no_baseline() -> None:
    """Nor with too few customers."""
    assert rfm_quality(customers(900).drop("rfm_recency"), None) is None
    assert rfm_quality(customers(30), None) is None


def test_treated_customers_are_apart_and_the_holdout_stands_for_them(tmp_path: Path) -> None:
    """A campaign that wins everybody over does not make the scores look bad."""
    rows = customers(6000, seed=4)
    listed = rows.sort("probability", descending=True)["customer_id"][:1000].shuffle(seed=2).to_list()
    plan = CampaignPlan(
        salt="spring", holdout=0.3, list=CampaignList(use_case="buys", snapshot="2026-03-02", top=1000),
        versions=CampaignVersions({"buys": "1"}, "default"), window="30d",
    )  # fmt: skip
    record_campaign(tmp_path, plan, treated=listed[:700], holdout_ids=listed[700:])
    treated_rows = rows.with_columns(
        outcome=pl.when(pl.col("customer_id").is_in(listed[:700])).then(0).otherwise("outcome").cast(pl.Int8)
    )

    arms = arms_of(tmp_path, treated_rows, DAY, DAY + timedelta(days=90))

    assert arms is not None
    assert {arm: int((arms == arm).sum()) for arm in (TREATED, HOLDOUT, OTHERS)} == {
        TREATED: 700,
        HOLDOUT: 300,
        OTHERS: 5000,
    }
    weight = weights_without_treated(arms)
    assert weight.sum() == pytest.approx(6000)
    kept = pl.Series(weight > 0)
    truth = measured_quality(rows)
    judged = measured_quality(treated_rows.filter(kept), weight[weight > 0])
    misled = measured_quality(treated_rows)
    assert judged.roc_auc == pytest.approx(truth.roc_auc, abs=0.02)
    assert (misled.roc_auc or 0) < (truth.roc_auc or 0) - 0.1


def test_a_campaign_of_another_time_is_none(tmp_path: Path) -> None:
    """Its window ended before the day, or its list was made after the outcome."""
    rows = customers(50)
    plan = CampaignPlan(
        salt="s", holdout=0.5, list=CampaignList(use_case="buys", snapshot="2026-03-02"),
        versions=CampaignVersions({}, "default"), window="30d",
    )  # fmt: skip
    record_campaign(tmp_path, plan, treated=["c1"], holdout_ids=["c2"])

    assert arms_of(tmp_path, rows, DAY - timedelta(days=90), DAY) is None
    assert arms_of(tmp_path, rows, DAY + timedelta(days=40), DAY + timedelta(days=90)) is None
    assert arms_of(tmp_path, rows, DAY, DAY + timedelta(days=90)) is not None
