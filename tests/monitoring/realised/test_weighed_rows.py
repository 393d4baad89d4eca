"""Realised figures against scikit-learn's, and their bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from monitoring.realised.weighed_rows import FINEST, WeighedRows


def drawn(seed: int, rows: int, *, ties: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels of both classes and probabilities, some the same."""
    random = np.random.default_rng(seed)
    probability = random.uniform(0.01, 0.99, rows)
    probability = np.ceil(probability * ties) / (ties + 1) if ties else probability
    label = (random.random(rows) < probability).astype(np.float64)
    label[:2] = (0.0, 1.0)
    return label, probability


@given(st.integers(0, 500), st.integers(20, 300), st.sampled_from([0, 5]), st.booleans())
def test_figures_are_scikit_learns(seed: int, rows: int, ties: int, weighed: bool) -> None:
    """With ties and weights too."""
    label, probability = drawn(seed, rows, ties=ties)
    weight = np.random.default_rng(seed).uniform(0.5, 3, rows) if weighed else np.ones(rows)

    found = WeighedRows.of(label, probability, weight).figures(0.1)

    assert found["roc_auc"] == pytest.approx(roc_auc_score(label, probability, sample_weight=weight))
    assert found["log_loss"] == pytest.approx(log_loss(label, probability, sample_weight=weight))
    assert found["brier"] == pytest.approx(brier_score_loss(label, probability, sample_weight=weight))


def test_a_weight_of_two_is_two_rows() -> None:
    """For the lift and the calibration error as well."""
    label, probability = drawn(1, 200)
    double = np.random.default_rng(1).integers(1, 3, 200)

    weighed = WeighedRows.of(label, probability, double.astype(np.float64)).figures(0.1)
    repeated = WeighedRows.of(np.repeat(label, double), np.repeat(probability, double)).figures(0.1)

    assert weighed == pytest.approx(repeated)


def test_the_lift_is_that_of_the_list() -> None:
    """All ten outcomes among the highest ten of a hundred are ten times as many as at random."""
    label = np.r_[np.ones(10), np.zeros(90)]

    assert WeighedRows.of(label, np.linspace(0.9, 0.1, 100)).figures(0.1)["lift"] == pytest.approx(10)


@pytest.mark.parametrize("rows", [900, 3 * FINEST])
def test_draws_lie_around_the_figures(rows: int) -> None:
    """Whether every row is a cell or several are one; the same seed draws the same."""
    weighed = WeighedRows.of(*drawn(2, rows))
    figures = weighed.figures(0.1)

    draws, again = (list(weighed.drawn(0.1, seed=0)) for _ in range(2))

    assert draws == again
    for name in ("roc_auc", "log_loss", "brier", "lift"):
        values = np.array([one[name] for one in draws])
        assert abs(values.mean() - figures[name]) < 0.5 * values.std()
