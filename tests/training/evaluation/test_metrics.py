"""Figures held against scikit-learn, and what they must never depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from training.data.clusters import Clusters
from training.evaluation.metrics import METRICS, Outcomes, intervals, measure, row_losses, wilson


def outcomes(rows: int, *, seed: int, distinct: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities, calibrated; few distinct ones where asked."""
    random = np.random.default_rng(seed)
    probability = random.beta(1, 4, rows).clip(1e-6, 1 - 1e-6)
    if distinct:
        probability = np.ceil(probability * distinct) / (distinct + 1)
    return (random.random(rows) < probability).astype(float), probability


@pytest.mark.parametrize("distinct", [None, 7], ids=["all distinct", "many ties"])
def test_metrics_are_those_of_scikit_learn(distinct: int | None) -> None:
    """ROC-AUC, average precision, log-loss and Brier score are the library's, with and without ties."""
    label, probability = outcomes(2000, seed=1, distinct=distinct)

    found = measure(label, probability)

    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(label, probability), abs=1e-12)
    assert found["pr_auc"] == pytest.approx(sk.average_precision_score(label, probability), abs=1e-12)
    assert found["log_loss"] == pytest.approx(sk.log_loss(label, probability), abs=1e-12)
    assert found["brier"] == pytest.approx(sk.brier_score_loss(label, probability), abs=1e-12)


def test_weighted_metrics_are_those_of_repeated_rows() -> None:
    """A row of weight three counts as three rows."""
    label, probability = outcomes(300, seed=2, distinct=20)
    counts = next(Clusters.apart(300).draws(seed=5))
    order = np.argsort(-probability, kind="stable")

    weighted = Outcomes.of(label, probability).figures(counts[order])

    repeated = measure(np.repeat(label, counts.astype(int)), np.repeat(probability, counts.astype(int)))
    assert weighted == pytest.approx(repeated, abs=1e-12)


def test_ece_and_lift_are_their_definitions_without_ties() -> None:
    """ECE is the mean gap over ten equal bins, lift the top tenth's rate over the base rate."""
    label, probability = outcomes(1000, seed=3)
    order = np.argsort(-probability)
    bins = list(zip(np.split(label[order], 10), np.split(probability[order], 10), strict=True))

    found = measure(label, probability)

    assert found["ece"] == pytest.approx(np.mean([abs(y.mean() - p.mean()) for y, p in bins]), abs=1e-12)
    assert found["lift_at_10"] == pytest.approx(bins[0][0].mean() / label.mean(), abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
@settings(max_examples=25, deadline=None)
def test_no_metric_depends_on_the_order_of_rows(seed: int, distinct: int) -> None:
    """Shuffled rows, ties among them, give the same figures."""
    label, probability = outcomes(200, seed=seed, distinct=distinct)
    shuffled = np.random.default_rng(seed).permutation(200)

    first, second = measure(label, probability), measure(label[shuffled], probability[shuffled])

    assert first == pytest.approx(second, abs=1e-12, nan_ok=True)


def test_the_interval_covers_the_figure_and_repeats() -> None:
    """A bootstrap interval holds the figure itself and is the same for the same seed."""
    label, probability = outcomes(3000, seed=4)

    found = intervals(label, probability, Clusters.apart(3000), seed=7)

    figures = measure(label, probability)
    for name in ("roc_auc", "log_loss", "brier", "pr_auc", "lift_at_10"):
        assert found[name][0] < figures[name] < found[name][1]
    assert found == intervals(label, probability, Clusters.apart(3000), seed=7)
    assert set(found) == set(METRICS)


def test_tenths_add_up_to_the_population() -> None:
    """Ten tenths hold every row and every outcome, and fall in predicted rate."""
    label, probability = outcomes(1234, seed=6, distinct=9)

    tenths = Outcomes.of(label, probability).tenths()

    assert sum(tenth.rows for tenth in tenths) == pytest.approx(1234)
    assert sum(tenth.rows * tenth.realised for tenth in tenths) == pytest.approx(label.sum())
    assert np.all(np.diff([tenth.predicted for tenth in tenths]) <= 1e-12)


def test_one_class_has_no_ranking() -> None:
    """Without both classes every figure is NaN, never a number."""
    assert all(np.isnan(value) for value in measure(np.zeros(5), np.full(5, 0.3)).values())


def test_the_wilson_interval_is_the_textbook_one() -> None:
    """7 of 20 at 90% is scipy's Wilson interval."""
    from scipy.stats import binomtest

    expected = binomtest(7, 20).proportion_ci(0.9, method="wilson")

    assert wilson(7, 20) == pytest.approx({"low": expected.low, "high": expected.high}, abs=1e-9)


def test_row_losses_average_to_the_log_loss() -> None:
    """The losses of the rows are those the log-loss is the mean of."""
    label, probability = outcomes(500, seed=8)

    assert row_losses(label, probability).mean() == pytest.approx(measure(label, probability)["log_loss"], abs=1e-12)
