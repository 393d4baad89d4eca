"""A feature of today's customers with the distribution it was learned with, everybody else's place unchanged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.reference import Bins

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def mapped_back(column: Floats, bins: Bins, *, seed: int) -> Floats:
    """The column as the reference would have it, by quantile of a number and by resampled levels of a category.

    Whoever stays in a bin keeps the very value: where the shares agree nothing changes. A value in another bin is one
    that today's customers have there, else the middle of the bin.
    """
    random = np.random.default_rng(seed)
    today = bins.of(column)
    wanted = bins.counts / bins.counts.sum()
    target = _levels(today, wanted, random) if bins.missing is None else _numbers(column, today, wanted, random)
    moved = np.flatnonzero(target != today)
    mapped = column.copy()
    if bins.edges is None:
        mapped[moved] = target[moved]
        return mapped
    for number in np.unique(target[moved]):
        into = moved[target[moved] == number]
        mapped[into] = _values(column[today == number], bins, int(number), len(into), random)
    return mapped


def _levels(today: Ints, wanted: Floats, random: np.random.Generator) -> Ints:
    """Random rows of levels that are met too often go to those that are met too seldom."""
    target = today.copy()
    surplus = np.bincount(today, minlength=len(wanted)) - _whole(wanted, len(today))
    givers = [
        random.permutation(np.flatnonzero(today == level))[:count] for level, count in enumerate(surplus) if count > 0
    ]
    if givers:
        going = random.permutation(np.concatenate(givers))
        target[going] = np.repeat(np.arange(len(wanted)), np.maximum(-surplus, 0))
    return target


def _numbers(column: Floats, today: Ints, wanted: Floats, random: np.random.Generator) -> Ints:
    """Missing values as often as in the reference, then the others by rank: quantile mapping, bin by bin."""
    missing = len(wanted) - 1
    target = today.copy()
    surplus = int((today == missing).sum()) - int(_whole(wanted, len(today))[missing])
    if surplus < 0:
        target[random.permutation(np.flatnonzero(today != missing))[:-surplus]] = missing
    found = random.permutation(np.flatnonzero(today == missing))[: max(surplus, 0)]
    rank = np.empty(len(column))
    rank[np.lexsort((random.random(len(column)), column))] = np.arange(len(column))
    rank[found] = random.random(len(found)) * max(len(column) - int((today == missing).sum()), 1)
    is_known = target != missing
    is_known[found] = True
    known = np.flatnonzero(is_known)
    shares = wanted[:missing]
    if len(known) and shares.sum() > 0:
        order = known[np.argsort(rank[known], kind="stable")]
        target[order] = np.repeat(np.arange(missing), _whole(shares / shares.sum(), len(known)))
    return target


def _whole(shares: Floats, count: int) -> Ints:
    """Shares as whole rows that add up to the count: by rounding the running sums."""
    edges = np.rint(np.r_[0.0, shares.cumsum()] * count)
    edges[-1] = count
    return np.asarray(np.diff(edges), np.int64)


def _values(there: Floats, bins: Bins, number: int, count: int, random: np.random.Generator) -> Floats:
    """Values of a bin."""
    if number == bins.missing:
        return np.full(count, np.nan)
    if len(there):
        return np.asarray(random.choice(there, count))
    edges = bins.edges
    assert edges is not None  # noqa: S101 a category's values are its bins
    if not len(edges):
        return np.zeros(count)
    if number == 0:
        return np.full(count, np.nextafter(edges[0], -np.inf))
    return np.full(count, (edges[number - 1] + edges[min(number, len(edges) - 1)]) / 2)
