"""From log-odds to a probability that means what it says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-7  # a probability is never 0 or 1


def within(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """`np.clip`, which costs four times as much where there is one value; NaN stays NaN.

    >>> within(np.array([-1.0, 0.5, 2.0]), 0.0, 1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.minimum(np.maximum(values, low), high)


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), always by `np.exp` on a float64 array, so that one row and a million agree to the bit.

    >>> sigmoid(np.array([0.0]))
    array([0.5])
    """
    return np.asarray(1.0 / (1.0 + np.exp(-within(np.asarray(log_odds, dtype=np.float64), -700.0, 700.0))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling: calibrated log-odds are `a * margin + b`, so contributions scale by `a` and stay exact.

    Platt, J. (1999), Probabilistic outputs for support vector machines. The slope is positive: calibration never
    turns the ranking round.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.a) and np.isfinite(self.b) and self.a > 0):
            raise ValueError(
                f"A calibration needs a finite positive slope and a finite offset, got {self.a}, {self.b}."
            )

    def log_odds(self, margin: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated log-odds of raw margins."""
        return self.a * margin.astype(np.float64) + self.b

    def probability(self, margin: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities in [1e-7, 1 - 1e-7]."""
        return within(sigmoid(self.log_odds(margin)), FLOOR, 1.0 - FLOOR)

    def probability_of_one(self, margin: float) -> float:
        """`probability` of one margin, to the bit, without an array for each step."""
        log_odds = min(max(self.a * margin + self.b, -700.0), 700.0)
        return min(max(1.0 / (1.0 + float(np.exp(-log_odds))), FLOOR), 1.0 - FLOOR)
