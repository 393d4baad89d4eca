"""How good values are on customers that were not learned from: total, ranking, and intervals by expected value."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.value_part import ValueBand, ValueTest
from training.data.clusters import Clusters, percentiles

LEVEL = 0.9
SHARES = (0.2, 0.4, 0.6, 0.8, 0.9)  # of the test customers below each further band

Floats = NDArray[np.float64]


def concentration(predicted: Floats, spent: Floats) -> float | None:
    """The Gini coefficient of what was spent by rising prediction, over that of a perfect ranking; higher is better.

    Customers of one prediction count as the mean of them. None where nobody spent, or all the same.

    >>> concentration(np.array([1.0, 2.0, 3.0]), np.array([0.0, 5.0, 9.0]))
    1.0
    """
    spent = np.maximum(spent, 0.0)
    best = _gini(spent, spent)
    return _gini(predicted, spent) / best if best > 0 else None


def _gini(order: Floats, spent: Floats) -> float:
    total = float(spent.sum())
    if not total > 0:
        return 0.0
    _, where, sizes = np.unique(order, return_inverse=True, return_counts=True)
    sums = np.bincount(where, weights=spent)
    below = np.cumsum(sums) - sums / 2  # of each group its middle: the trapezoids under a Lorenz curve
    return float(1 - 2 * np.dot(below, sizes) / total / len(spent))


def tested(
    expected: Floats, spent: Floats, past: Floats | None, young: NDArray[np.bool_], cutoff: datetime
) -> ValueTest:
    """The figures of the test customers, by what they spent; `young` are known for less than the horizon."""
    return ValueTest(
        actual=float(spent.sum()),
        customers=len(spent),
        cutoff=cutoff.date().isoformat(),
        gini=concentration(expected, spent),
        mae=float(np.abs(expected - spent).mean()),
        past_gini=None if past is None else concentration(past, spent),
        predicted=float(expected.sum()),
        ratio=_over(expected, spent),
        young=int(young.sum()),
        young_ratio=_over(expected[young], spent[young]),
    )


def value_bands(expected: Floats, spent: Floats, clusters: Clusters, *, seed: int) -> tuple[ValueBand, ...]:
    """The test customers in bands of expected value, with what each band's mean may be."""
    floors = np.unique([0.0, *np.quantile(expected, SHARES, method="higher").tolist()])
    at = np.searchsorted(floors, expected, side="right") - 1
    draws = list(clusters.draws(seed=seed))
    found = []
    for band, floor in enumerate(floors.tolist()):
        mine = at == band
        if not mine.any():
            continue
        low, high = _interval(expected[mine], spent[mine], [drawn[mine] for drawn in draws])
        means = float(expected[mine].mean()), float(spent[mine].mean())
        found.append(ValueBand(floor, max(1.0, high), min(1.0, max(0.0, low)), *means, int(mine.sum())))
    return tuple(found)


def _interval(expected: Floats, spent: Floats, draws: list[Floats]) -> tuple[float, float]:
    """What was spent over what was expected, of customers drawn anew; of none who spent there is none to say."""
    ratios = [float(np.dot(drawn, spent) / total) for drawn in draws if (total := float(np.dot(drawn, expected))) > 0]
    if not ratios or not (spent > 0).any():
        return 0.0, 1.0
    low, high = percentiles(ratios, int((spent > 0).sum()), level=LEVEL)
    return low, high


def _over(expected: Floats, spent: Floats) -> float | None:
    total = float(spent.sum())
    return float(expected.sum()) / total if total > 0 else None
