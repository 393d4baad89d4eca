"""What is published of a probability: the score, the percentile, the band."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scoring.models.calibration import within


def published_score(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """100 x probability, rounded half up to one decimal, within 0.1..99.9; rules compare this number.

    >>> published_score(np.array([0.0, 0.31249, 0.3125, 1.0])).tolist()
    [0.1, 31.2, 31.3, 99.9]
    """
    tenths = within(np.floor(np.asarray(probability) * 1000.0 + 0.5), 1.0, 999.0)
    return np.asarray(tenths / 10.0)


def published_score_of_one(probability: float) -> float:
    """`published_score` of one probability, to the bit."""
    return min(max(float(math.floor(probability * 1000.0 + 0.5)), 1.0), 999.0) / 10.0


def percentile_boundaries(reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 99 rising probabilities at which the percentile of a reference population steps up.

    The percentile of p is ceil(100 * share of the reference with a probability <= p), at least 1; it is at least k
    exactly when p reaches the value at position floor((k - 1) * n / 100) of the sorted reference.
    """
    ordered = np.sort(np.asarray(reference, dtype=np.float64))
    if not len(ordered):
        raise ValueError("Percentiles need a reference population, got none.")
    return np.asarray(ordered[np.arange(1, 100) * len(ordered) // 100])


def percentile(probability: NDArray[np.float64], boundaries: NDArray[np.float64]) -> NDArray[np.int64]:
    """The percentile of each probability, 1..100; 100 is the highest.

    >>> boundaries = percentile_boundaries(np.linspace(0.001, 1.0, 1000))
    >>> percentile(np.array([0.0, 0.5, 1.0]), boundaries).tolist()
    [1, 50, 100]
    """
    return np.asarray(1 + boundaries.searchsorted(probability, side="right"))


@dataclass(frozen=True, slots=True)
class Ladder:
    """Bands in rising order of score, parted by thresholds.

    A probability equal to a threshold belongs to the band above it.

    >>> ladder = Ladder(("low", "medium", "high"), (0.2, 0.7))
    >>> [ladder.codes[i] for i in ladder.rungs(np.array([0.19, 0.2, 0.7, 1.0]))]
    ['low', 'medium', 'high', 'high']
    """

    codes: tuple[str, ...]
    thresholds: tuple[float, ...]  # probabilities in (0, 1), rising
    _steps: NDArray[np.float64] = field(init=False, repr=False, compare=False)  # the same, made once

    def __post_init__(self) -> None:
        if len(self.codes) != len(self.thresholds) + 1:
            raise ValueError(
                f"{len(self.codes)} bands need {len(self.codes) - 1} thresholds, got {len(self.thresholds)}."
            )
        if not all(low < high for low, high in pairwise((0.0, *self.thresholds, 1.0))):
            raise ValueError(f"Thresholds must rise strictly within (0, 1), got {self.thresholds}.")
        object.__setattr__(self, "_steps", np.asarray(self.thresholds, dtype=np.float64))

    def rungs(self, probability: NDArray[np.float64]) -> NDArray[np.int64]:
        """The position of each probability's band, 0 the lowest."""
        return np.asarray(self._steps.searchsorted(probability, side="right"))

    def rung_of_one(self, probability: float) -> int:
        """`rungs` of one probability."""
        return bisect_right(self.thresholds, probability)
