"""Platt scaling held against scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from training.errors import CalibrationError
from training.fitting.calibrate import fit_calibration


def margins(rows: int = 3000, *, a: float = 0.7, b: float = -1.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Margins whose true calibration is known."""
    random = np.random.default_rng(seed)
    margin = random.normal(0, 2, rows).astype(np.float32)
    return margin, (random.random(rows) < 1 / (1 + np.exp(-(a * margin + b)))).astype(float)


def test_the_fit_is_the_minimum_that_scipy_finds() -> None:
    """Slope and offset minimise the log-loss on Platt's targets."""
    margin, label = margins()
    up, down = (label.sum() + 1) / (label.sum() + 2), 1 / ((1 - label).sum() + 2)
    target = np.where(label == 1, up, down)

    found = fit_calibration(margin, label)

    def loss(point: np.ndarray) -> float:
        odds = point[0] * margin.astype(float) + point[1]
        return float(np.sum(np.logaddexp(0, odds) - target * odds))

    best = minimize(loss, np.array([1.0, 0.0]), method="BFGS", options={"gtol": 1e-8}).x
    assert (found.a, found.b) == pytest.approx(tuple(best), abs=1e-4)
    assert (found.a, found.b) == pytest.approx((0.7, -1.1), abs=0.15)


def test_calibrated_probabilities_average_to_the_base_rate() -> None:
    """The sum of the probabilities on the calibration rows is the number of outcomes, up to Platt's smoothing."""
    margin, label = margins(seed=2)

    probability = fit_calibration(margin, label).probability(margin)

    assert probability.mean() == pytest.approx(label.mean(), abs=1e-3)


def test_a_falling_margin_is_refused() -> None:
    """A margin that falls with the outcome has no calibration: the ranking is never turned round."""
    margin, label = margins()

    with pytest.raises(CalibrationError, match="slope must be positive"):
        fit_calibration(-margin, label)


def test_a_handful_of_outcomes_does_not_turn_a_margin_round() -> None:
    """Below 20 of a class a slope that is negative by chance is 1, and the mean is still the base rate."""
    label = np.r_[np.ones(4), np.zeros(746)]
    margin = np.r_[np.full(4, -4.5), np.random.default_rng(5).normal(-4.3, 0.8, 746)].astype(np.float32)

    found = fit_calibration(margin, label)

    assert found.a == pytest.approx(1.0)
    assert found.probability(margin).mean() == pytest.approx(5 / 6 * 4 / 750 + 746 / 748 / 750, rel=1e-3)
    with pytest.raises(CalibrationError, match="slope must be positive"):
        fit_calibration(np.r_[np.full(4, -9.0), margin[4:]], label)


def test_one_margin_for_all_is_refused() -> None:
    """A constant margin cannot be calibrated."""
    with pytest.raises(CalibrationError, match="margins that differ"):
        fit_calibration(np.full(50, 0.3, dtype=np.float32), np.r_[np.ones(25), np.zeros(25)])


def test_perfectly_parted_classes_stay_finite() -> None:
    """Where margins part the classes the slope is finite, by Platt's targets."""
    margin = np.r_[np.full(40, -3.0), np.full(40, 3.0)].astype(np.float32)

    found = fit_calibration(margin, np.r_[np.zeros(40), np.ones(40)])

    assert 0 < found.a < 10
