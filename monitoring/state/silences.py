"""How long a log is silent in the ordinary course: over a weekend or a holiday nothing is sold, and nothing is wrong.

All that is asked is when each customer was seen last. Who was seen lately stands for the log of lately. Of a year ago
only those are left who never came back; a silence counts there where so few could not have left it by chance.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LATELY = 56.0  # days, in which a silence is usual if there were two as long
YEAR, SEASON = 365.0, 28.0  # the same time of the year, some weeks around it: feasts move
CERTAIN = 3.0  # a silence that chance explains has less than one in e to this of being as long

Floats = NDArray[np.float64]


def usual_silence(ages: Floats) -> int:
    """The longest silence, in whole days begun, that nobody need ask about.

    Args:
        ages: Days since each customer was seen last, in any order.
    """
    lately = sorted(_silences(ages, 0.0, LATELY))
    recurring = lately[-2] if len(lately) > 1 else 0.0
    return math.ceil(max(recurring, _season(ages)))


def _season(ages: Floats) -> float:
    """The longest silence at this time of the last year that is no mere lack of customers; 0 where there is none."""
    low, high = YEAR - SEASON, YEAR + SEASON
    found = _silences(ages, low, high)
    rate = len(found) / (high - low)
    longest = max(found, default=0.0)
    return longest if rate and longest * rate > math.log(len(found)) + CERTAIN else 0.0


def _silences(ages: Floats, low: float, high: float) -> list[float]:
    """The days between customers one after another, of those seen last within some time."""
    within = np.sort(ages[(ages >= low) & (ages <= high)]).tolist()
    return [later - sooner for sooner, later in pairwise(within)]
