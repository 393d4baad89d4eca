"""How small an effect so many customers can show, and how many more an effect needs."""

from __future__ import annotations

import math

from scipy.stats import norm

from activation.campaigns.effect import Difference, sequence_interval

POWER = 0.8
MOST = 10**9  # customers, beyond which nobody counts


def least_shown(found: Difference, level: float) -> float:
    """The smallest effect that one planned look finds with `POWER`."""
    return float(norm.ppf((1 + level) / 2) + norm.ppf(POWER)) * found.standard_error


def needed(found: Difference, effect: float, level: float) -> int | None:
    """How many customers in all a sequence needs to find an effect with `POWER`; None where no number would do.

    Arms keep their shares, and customers the variance of those who are known.

    Args:
        found: The difference as known so far.
        effect: The true one that is to be found; its sign does not matter.
        level: Of the sequence, in (0, 1).
    """
    if not effect or not found.standard_error:
        return None
    low, high = 1, MOST
    if not _finds(found, effect, level, high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _finds(found, effect, level, middle) else (middle + 1, high)
    return high


def _finds(found: Difference, effect: float, level: float, n: int) -> bool:
    """Whether so many customers would do, the sequence tightest at them."""
    error = found.standard_error * math.sqrt(found.n / n)
    low, _ = sequence_interval(Difference(abs(effect), error, found.freedom, n), level, tightest_at=n)
    return low >= float(norm.ppf(POWER)) * error
