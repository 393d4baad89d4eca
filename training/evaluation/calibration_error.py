"""The interval of an expected calibration error, which noise raises, and resampling raises once more.

The error is a sum of absolute excesses over bins: noise adds to it, and resampling adds the noise again, so that the
percentiles of a bootstrap lie above the figure they are about. Here the interval inverts a test. Of each error a
population may have, the excesses nearest to those seen are supposed, with the bootstrap's own noise around them; the
error is kept where the figure seen is among the figures that 95% of such draws show. For those the middle 95% are
taken, from the 2.5th percentile on; where noise lifts even that above the error itself, those from the error on. So the
figure seen is always kept, an error of 0 is kept wherever chance explains the figure, and the test's size stays 5%
throughout (docs/adr/0017).

Inverting a test: Neyman (1937), Outline of a theory of statistical estimation based on the classical theory of
probability; the choice of the figures kept is free while they make 95%, and is made here as by Feldman and Cousins
(1998), A unified approach to the classical statistical analysis of small signals, so that an end at a bound is no
special case. The other parameters as the data have them under each value tested: Chuang and Lai (2000), Hybrid
resampling methods for confidence intervals.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

CALIBRATED = 0.03  # expected calibration error up to which probabilities are near enough
HALVINGS = 40

Floats = NDArray[np.float64]


def calibration_error_interval(excess: Floats, drawn: Floats, *, level: float = 0.95) -> tuple[float, float]:
    """The calibration errors of the population that are in keeping with the excesses of the bins; holds their own.

    `excess` is by bin how much more came than was said, over all rows; `drawn` the same under bootstrap draws, shape
    (draws, bins). Within 0..1.
    """
    seen, noise, tail = float(np.abs(excess).sum()), drawn - drawn.mean(axis=0), (1 - level) / 2

    def shown(error: float) -> Floats:
        return np.asarray(np.abs(nearest(excess, error) + noise).sum(axis=1))

    def too_small(error: float) -> bool:
        skipped = min(float(np.mean(shown(error) <= error)), tail)
        return _quantile(shown(error), level + skipped) < seen

    def small_enough(error: float) -> bool:
        return _quantile(shown(error), tail) <= seen

    farthest = seen + float(np.abs(noise).sum(axis=1).max())
    return _turn(too_small, 0.0, seen), min(_turn(small_enough, seen, farthest), max(seen, 1.0))


def nearest(excess: Floats, error: float) -> Floats:
    """The excesses nearest to these by squared distance whose absolute values add up to `error`, of the same signs.

    All are cut by the same amount, none below 0; or raised by it where the error is larger (Duchi and others 2008,
    Efficient projections onto the l1-ball).

    >>> nearest(np.array([0.03, -0.01]), 0.02).round(4).tolist()
    [0.02, -0.0]
    >>> nearest(np.array([0.03, -0.01]), 0.06).round(4).tolist()
    [0.04, -0.02]
    """
    size = np.abs(excess)
    cut = ((np.cumsum(np.sort(size)[::-1]) - error) / np.arange(1, len(size) + 1)).max()
    return np.asarray(np.copysign(np.maximum(size - cut, 0.0), excess))


def _quantile(figures: Floats, share: float) -> float:
    return float(np.quantile(figures, share, method="weibull"))


def _turn(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that holds from `low` on ends, by halving; `low` where it does not hold there."""
    if not holds(low):
        return low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high
