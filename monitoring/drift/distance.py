"""How far two sets of counts are apart, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

SMOOTHED = 0.5  # rows added to every bin, so that one without rows is no infinity

Counts = NDArray[np.int64]


def psi(before: Counts, after: Counts) -> float:
    """The population stability index of counts in the same bins; 0 where the shares agree.

    >>> round(psi(np.array([500, 500]), np.array([300, 700])), 3)
    0.169
    """
    first, second = ((counts + SMOOTHED) / (counts.sum() + SMOOTHED * len(counts)) for counts in (before, after))
    return float(np.sum((second - first) * np.log(second / first)))


def two_sample(before: Counts, after: Counts) -> float | None:
    """The p-value of both being of one distribution (chi-squared); None where there is but one bin."""
    table = np.stack([before, after])[:, (before + after) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return None
    return float(chi2_contingency(table, correction=False).pvalue)


def discoveries(p_values: Sequence[float | None], rate: float) -> list[bool]:
    """Which hypotheses are rejected with that share of false ones among them (Benjamini and Hochberg 1995).

    >>> discoveries([0.001, None, 0.04, 0.012], 0.05)
    [True, False, True, True]
    """
    known = sorted(p for p in p_values if p is not None)
    limits = [rate * (rank + 1) / len(known) for rank in range(len(known))]
    passing = [p for p, limit in zip(known, limits, strict=True) if p <= limit]
    return [p is not None and bool(passing) and p <= passing[-1] for p in p_values]
