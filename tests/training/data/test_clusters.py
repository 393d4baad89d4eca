"""Customers with several rows: whatever is said of chance is said of customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.models.bands import Ladder
from training.bundling.market import market_of, recalibration
from training.bundling.thresholds import realised
from training.data.clusters import Clusters, percentiles
from training.evaluation.metrics import Outcomes, ece_by_chance, intervals
from training.evaluation.paired_gain import paired_gain

CUSTOMERS = 600


def customers(*, times: int = 1, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, Clusters]:
    """Labels, the probabilities they were drawn from, a worse model's, and whose each row is; each `times` times."""
    random = np.random.default_rng(seed)
    odds = random.normal(-0.5, 1.2, CUSTOMERS)
    truth, worse = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-(0.4 * odds + random.normal(0, 0.5, CUSTOMERS))))
    label = (random.random(CUSTOMERS) < truth).astype(float)
    who = np.repeat(np.arange(CUSTOMERS), times)
    return label[who], truth[who], worse[who], Clusters.of(who)


def said(label: Any, truth: Any, worse: Any, clusters: Clusters) -> dict[str, Any]:
    """Every interval that a training gives."""
    ladder = Ladder(("low", "high"), (0.5,))
    gain = paired_gain(label, truth, worse, clusters, seed=5)
    _, _, spread, effect = recalibration(truth, label, clusters)
    market = market_of(truth, truth, label, clusters)
    return {
        **intervals(label, truth, clusters, seed=5),
        "gain": list(gain["log_loss_gain"].values()),
        "area": list(gain["roc_auc_gain"].values()),
        "bands": [[band.low, band.high] for band in realised(ladder, truth, label, clusters)],
        "tenths": [[tenth.low, tenth.high] for tenth in Outcomes.of(label, truth, clusters).tenths()],
        "spread": spread.ravel().tolist(),
        "noise": len(clusters.where) / effect,
        "plan": [market.cuts[name][100] / market.cuts["rows"][-1] for name in ("hits_low", "hits_high")],
    }


@pytest.mark.parametrize("times", [3, 4])
def test_rows_that_come_again_tell_nothing_new(times: int) -> None:
    """Each row three or four times: every interval is that of the rows once."""
    once, again = said(*customers()), said(*customers(times=times))

    calibrated = ("spread", "plan")  # Platt's targets lie a little nearer to 0 and 1 where there are more rows
    for name, value in once.items():
        assert np.array(again[name]) == pytest.approx(np.array(value), rel=0.02 if name in calibrated else 1e-6), name


def test_a_calibration_by_chance_grows_with_the_rows_that_repeat() -> None:
    """What chance alone shows of a calibration error is that of the customers, about, not of four times as many."""
    once, again = (
        ece_by_chance(label, truth, clusters, seed=5) for label, truth, _, clusters in (customers(), customers(times=4))
    )

    assert again == pytest.approx(once, rel=0.15)


def test_customers_who_come_once_are_drawn_as_rows_are() -> None:
    """Where nobody has two rows, draws are those of rows, whatever marks the customers bear."""
    apart, marked = (clusters.draws(seed=1) for clusters in (Clusters.apart(50), Clusters.of(np.arange(50)[::-1])))

    assert np.array_equal(next(apart), next(marked))


def test_the_standard_error_is_that_of_customers_means() -> None:
    """Of as many rows each, a mean's standard error is that of the customers' own means."""
    random = np.random.default_rng(1)
    who = np.repeat(np.arange(200), 3)
    values = random.normal(size=200)[who] + random.normal(size=600)

    error = Clusters.of(who).error(values)

    assert error == pytest.approx(values.reshape(200, 3).mean(axis=1).std(ddof=1) / np.sqrt(200))


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_a_design_effect_lies_between_one_row_and_the_largest_customer(group: list[int]) -> None:
    """It is at least 1, and at most the rows of the customer who has most; 1 where nobody has two."""
    clusters = Clusters.of(group)
    residual = np.random.default_rng(0).normal(size=len(group))

    effect = clusters.design_effect(residual)

    assert 1 <= effect <= max(np.bincount(clusters.where)) + 1e-9
    assert clusters.count <= len(group)
    assert 1 <= clusters.effective <= clusters.count + 1e-9


def test_the_interval_of_few_is_wider() -> None:
    """Percentiles are expanded for few customers of the rarer class, and are plain ones for many."""
    drawn = np.random.default_rng(2).normal(size=20_000)

    few, many = percentiles(drawn, 8, level=0.95), percentiles(drawn, 10**6, level=0.95)

    assert few[0] < many[0] < many[1] < few[1]
    assert many == pytest.approx([-1.96, 1.96], abs=0.05)
