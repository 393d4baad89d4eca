"""The interval of an expected calibration error, which resampling itself raises.

The error is a sum of absolute excesses over bins: noise adds to it, and resampling adds the noise once more, so that
the percentiles of a bootstrap lie above the figure they are about. Here the interval is found by inverting a test. A
population is supposed whose excesses are `t` times those seen, t >= 0; the bootstrap's own noise is added to them; and
the errors of all populations whose figure could have been the one seen, in either tail, make the interval. It holds the
figure itself, begins at 0 where the figure is within chance, and is checked by its coverage (docs/adr/0017).

Test inversion: Casella and Berger (2002), Statistical Inference, 9.2.1; along one line of parameters with the noise
estimated by the bootstrap: DiCiccio and Romano (1990), Nonparametric confidence limits by resampling methods and least
favorable families.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CALIBRATED = 0.03  # expected calibration error up to which probabilities are near enough
HALVINGS = 40
FARTHEST = 64.0  # times the excesses seen

Floats = NDArray[np.float64]


def calibration_error_interval(excess: Floats, drawn: Floats, *, level: float = 0.95) -> tuple[float, float]:
    """The calibration errors of the population that are in keeping with the excesses of the bins; holds their own.

    `excess` is by bin how much more came than was said, over all rows; `drawn` the same under bootstrap draws, shape
    (draws, bins).
    """
    seen, noise = float(np.abs(excess).sum()), drawn - drawn.mean(axis=0)
    low, high = (_inverted(excess, noise, seen, share) for share in ((1 + level) / 2, (1 - level) / 2))
    return low * seen, max(high, 1.0) * seen


def _inverted(excess: Floats, noise: Floats, seen: float, share: float) -> float:
    """The multiple of the excesses under which a share of all figures is at most the one seen; 0 where none is."""

    def figure(times: float) -> float:
        return float(np.quantile(np.abs(times * excess + noise).sum(axis=1), share))

    low, high = 0.0, 1.0
    if figure(low) >= seen:
        return 0.0
    while figure(high) < seen and high < FARTHEST:
        high *= 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if figure(middle) < seen else (low, middle)
    return high
