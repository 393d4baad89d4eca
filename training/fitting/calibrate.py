"""From margins to probabilities: the two numbers of Platt scaling, by maximum likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.models.calibration import Calibration, sigmoid
from training.errors import CalibrationError

FEW = 20  # rows of the rarer class, below which chance may turn a slope round
TWO = 2.0  # standard errors
STEPS = 100
SETTLED = 1e-12


def fit_calibration(margin: NDArray[Any], label: NDArray[Any]) -> Calibration:
    """The slope and offset under which `sigmoid(a * margin + b)` makes the labels most likely.

    Newton's method with halved steps on standardised margins, in float64; labels are 0 or 1. Where margins part the
    classes completely the likelihood has no maximum: Platt's targets (n+ + 1)/(n+ + 2) and 1/(n- + 2) keep it finite.
    Where fewer than 20 rows of a class leave the sign of the slope to chance (it is within two standard errors of a
    positive one), the slope is 1: margins are log-odds already.

    Raises:
        CalibrationError: The slope is not positive: a higher margin would mean a lower chance.
    """
    margins = np.asarray(margin, dtype=np.float64)
    labels = np.asarray(label, dtype=np.float64)
    centre, spread = float(margins.mean()), float(margins.std())
    if not spread > SETTLED:
        raise CalibrationError("Calibration needs margins that differ, got one value for every row.")
    positives = float(labels.sum())
    negatives = len(labels) - positives
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    standard = (margins - centre) / spread
    slope, offset = _newton(standard, targets)
    if not slope > 0 and min(positives, negatives) < FEW and slope + TWO * _error(standard, slope, offset) > 0:
        slope, offset = spread, _newton(np.zeros_like(standard), targets, spread * standard)[1]
    if not slope > 0:
        raise CalibrationError(f"A calibration's slope must be positive, got {slope / spread:.4g}.")
    return Calibration(slope / spread, offset - slope * centre / spread)


def level(log_odds: NDArray[np.float64], label: NDArray[Any]) -> float:
    """The offset under which `sigmoid(log_odds + offset)` is on average the labels' rate, which lies within (0, 1).

    >>> round(level(np.array([1.0, 1.0]), np.array([0, 1])), 6)
    -1.0
    """
    return _newton(np.zeros_like(log_odds), np.asarray(label, dtype=np.float64), log_odds)[1]


def _error(standard: NDArray[np.float64], slope: float, offset: float) -> float:
    """The slope's standard error, from the curvature of the log-likelihood."""
    design = np.stack([standard, np.ones_like(standard)], axis=1)
    chance = sigmoid(slope * standard + offset)
    return float(np.sqrt(np.linalg.inv((design * (chance * (1 - chance))[:, None]).T @ design)[0, 0]))


def _newton(
    standard: NDArray[np.float64], targets: NDArray[np.float64], known: NDArray[np.float64] | float = 0.0
) -> tuple[float, float]:
    """Slope and offset; `known` log-odds are added as they are."""
    design = np.stack([standard, np.ones_like(standard)], axis=1)
    start = np.array([1.0, np.log(targets.mean() / (1 - targets.mean()))])
    slope, offset = newton(design, targets, start, known)
    return float(slope), float(offset)


def newton(
    design: NDArray[np.float64],
    targets: NDArray[np.float64],
    start: NDArray[np.float64],
    known: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    """The weights of the columns under which `sigmoid(design @ weights + known)` makes the targets most likely."""
    point = start
    loss = _loss(design @ point + known, targets)
    for _ in range(STEPS):
        chance = sigmoid(design @ point + known)
        gradient = design.T @ (chance - targets)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + SETTLED * np.eye(len(point))
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (moved := _loss(design @ (point - size * step) + known, targets)) > loss and size > SETTLED:
            size /= 2
        point, before, loss = point - size * step, loss, moved
        if before - loss <= SETTLED * max(abs(loss), 1.0):
            break
    return point


def _loss(log_odds: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float(np.sum(np.logaddexp(0.0, log_odds) - targets * log_odds))
