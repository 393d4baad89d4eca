"""Features that tell the cutoff rather than the customer, and who learns from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from features.spec.feature import Feature
from training.data.calendar_drift import clocks
from training.fitting.candidates import fit_logit, fit_rfm_logit
from training.fitting.fit import teach

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
FEATURES = (
    Feature("tenure_days", "number", family="tenure"),
    Feature("days_since_purchase", "integer", family="recency"),
    Feature("member", "boolean"),
    Feature("kind", "category"),
    Feature("unknown", "number"),
)


def customers(cutoffs: int, *, joined_within: int = 60, seed: int = 0) -> pl.DataFrame:
    """400 customers at each cutoff, 90 days apart, who joined in the days before the first; some buy again."""
    random = np.random.default_rng(seed)
    joined = random.integers(0, joined_within, 400)
    since = [random.integers(0, 90, 400) for _ in range(cutoffs)]
    return pl.concat(
        pl.DataFrame(
            {
                "__cutoff": pl.Series([FIRST + timedelta(days=90 * at)] * 400, dtype=pl.Datetime("us", "UTC")),
                "__group": np.arange(400, dtype=np.uint64),
                "__label": random.random(400) < 1 / (1 + np.exp(days / 30 - 1)),
                "tenure_days": pl.Series([None, *(joined + 90.0 * at)[1:]]),
                "days_since_purchase": days,
                "member": [at > 0] * 400,
                "kind": [f"quarter {at}"] * 400,
                "unknown": pl.Series([None] * 400, dtype=pl.Float64),
            }
        )
        for at, days in enumerate(since)
    )


def test_a_clock_is_a_number_that_nearly_all_of_the_latest_cutoff_has_outgrown() -> None:
    """Tenure of one quarter's customers is one; what overlaps, has no range or is never known is none."""
    assert clocks(FEATURES, customers(3)) == {"tenure_days"}
    assert clocks(FEATURES, customers(2)) == {"tenure_days"}
    assert not clocks(FEATURES, customers(3, joined_within=600))


def test_one_cutoff_or_none_shows_no_clock() -> None:
    """There is no later row to hold against the earlier ones."""
    alone, rows = customers(1), customers(2)

    assert not clocks(FEATURES, alone)
    assert not clocks(FEATURES, rows.with_columns(__cutoff=pl.lit(None, pl.Datetime("us", "UTC"))))


def test_clocks_are_told_by_features_alone() -> None:
    """Other outcomes make no other clock."""
    rows = customers(3)

    assert clocks(FEATURES, rows) == clocks(FEATURES, rows.with_columns(~pl.col("__label")))


def test_the_logit_leaves_a_clock_out_and_the_bar_of_the_trade_does_not() -> None:
    """A shift of tenure alone moves no score of the logit; of recency, frequency, money and tenure it does."""
    rows = customers(3).with_columns(pl.col("tenure_days").fill_null(30.0))
    taught = teach(FEATURES, rows[::3], rows[1::3], rows[2::3], label_event="purchase")
    now = taught.matrix(rows)
    later = now + np.where([one.name == "tenure_days" for one in FEATURES], 90, 0).astype(np.float32)

    logit, rfm = (fit(taught.lesson, 0) for fit in (fit_logit, fit_rfm_logit))

    assert np.array_equal(logit.model().margin(now), logit.model().margin(later))
    assert not logit.model().contributions(later)[:, 0].any()
    assert logit.params == {"features": 4, "left_out": ["tenure_days"]}
    assert not np.array_equal(rfm.model().margin(now), rfm.model().margin(later))
