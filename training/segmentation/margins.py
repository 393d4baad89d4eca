"""Gaps that a single column shows: a dip that ties do not explain, and a valley between two humps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from training.segmentation.valleys import DEEP, GRID, LEAST_ROWS, LEAST_SHARE, density

Floats = NDArray[np.float64]

MOST_ROWS = 2_000  # that a dip is taken of: it finds a gap as well, and each of its redraws costs as much
REDRAWS = 199  # of the null, so that the least p is one in two hundred
SURE = 0.01
ATOM = 0.05  # share of all rows from which one value by itself is a state, not a part of a distribution
MOSTLY = 0.5  # share of all rows that must have another value than an atom: humps of fewer part nobody
LEAST_KNOWN = 4 * LEAST_ROWS  # values besides atoms that a column must have to be looked at
NEAR, WIDE = 5, 4  # steps to each side of one between distinct values, and how many times theirs a gap is
LATTICE = 0.5  # share of distinct values below which numbers are taken for rounded ones


@dataclass(frozen=True, slots=True)
class Gap:
    """What a dip test says of a column, and where its deepest valley is."""

    dip: float  # Hartigan's, 0 to 0.25
    p: float  # the share of redraws of one smooth hump whose dip is as large
    depth: float  # of the deepest valley with a hump of a hundredth of the rows on either side, 0 to 1
    at: float  # where that valley is

    @property
    def shows(self) -> bool:
        """Whether the column by itself falls into parts."""
        return self.p <= SURE and self.depth >= DEEP


def gap_of(values: Floats, generator: np.random.Generator, rows: int | None = None) -> Gap | None:
    """The gap of a column without missing values, in its scaled form; None where too few of all `rows` differ.

    Atoms (zero, or a constant) are no humps: a customer without any purchase needs no statistics to be seen. Ties
    are spread at random over their share of the axis, in the data and in every redraw alike.
    """
    every = len(values) if rows is None else rows
    values, ties = _without_atoms(values)
    if len(values) < MOSTLY * every or len(values) < LEAST_KNOWN or len(ties) < 3:
        return None
    spread = _jittered(values, ties, generator)
    depth, at = _deepest(spread)
    picked = generator.permutation(len(spread))[:MOST_ROWS]
    seen = dip(spread[picked])
    if depth < DEEP / 2:
        return Gap(seen, 1.0, depth, at)
    smooth = _one_hump(spread)
    lattice = _filled(ties) if len(ties) < LATTICE * len(values) else None
    larger = 0
    for _ in range(REDRAWS):
        drawn = _drawn(smooth, len(picked), generator)
        drawn = drawn if lattice is None else _jittered(_rounded(drawn, lattice), lattice, generator)
        larger += dip(drawn) >= seen
    return Gap(seen, (larger + 1) / (REDRAWS + 1), depth, at)


def without_states(points: Floats, spread: Floats, seed: int) -> Floats:
    """Points as valleys are looked for in them: a state parts nobody, however far from the rest it stands.

    Who has an atom of a coordinate (zero, a constant, the place of a missing value) stands where somebody without it
    does, drawn at random. A coordinate of states alone (yes or no, a level, whether a value is missing) is no distance.

    Args:
        points: The rows in their space, shape (rows, coordinates).
        spread: The same with ties spread, or as they are.
        seed: Draws the places.
    """
    out, generator = spread.copy(), np.random.default_rng(seed)
    for at in range(points.shape[1]):
        _, kept = _without_atoms(points[:, at])
        others = np.isin(points[:, at], kept)
        if len(kept) < 3 or others.sum() < LEAST_KNOWN:
            out[:, at] = 0.0
        elif not others.all():
            out[~others, at] = generator.choice(spread[others, at], int((~others).sum()))
    return out


def _without_atoms(values: Floats) -> tuple[Floats, Floats]:
    """The values without those that stand too often for their neighbours, and the distinct ones that are left."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) < LATTICE * len(values) and len(distinct) > 2:
        heavy = counts >= ATOM * len(values)
        around = np.maximum(np.r_[counts[1:], 0], np.r_[0, counts[:-1]])
        alone = heavy & (counts > 3 * around)
        alone |= heavy & (np.arange(len(distinct)) == 0)
    else:
        alone = counts >= ATOM * len(values)
    kept = distinct[~alone]
    return values[np.isin(values, kept)], kept


def _jittered(values: Floats, ties: Floats, generator: np.random.Generator) -> Floats:
    """Each value anywhere between the middles to its neighbours among the distinct ones, near as the nearer of them."""
    gaps = np.diff(ties)
    nearer = np.minimum(np.r_[gaps[0], gaps], np.r_[gaps, gaps[-1]]) / 2
    return np.asarray(values + generator.uniform(-1, 1, len(values)) * nearer[np.searchsorted(ties, values)])


def _filled(ties: Floats) -> Floats:
    """Distinct values with those that nobody has across a gap: one hump would have some there, rounded alike."""
    steps = np.diff(ties)
    usual = [np.median(np.r_[steps[max(at - NEAR, 0) : at], steps[at + 1 : at + 1 + NEAR]]) for at in range(len(steps))]
    parts = [ties]
    for low, step, plain in zip(ties[:-1], steps, usual, strict=True):
        if step > WIDE * plain > 0:
            parts.append(np.linspace(low, low + step, int(min(step / plain, GRID)) + 1)[1:-1])
    return np.unique(np.concatenate(parts))


def _rounded(values: Floats, ties: Floats) -> Floats:
    """The nearest of the distinct values."""
    middles = (ties[1:] + ties[:-1]) / 2
    return np.asarray(ties[np.searchsorted(middles, values)])


def _deepest(values: Floats) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    quarter = np.quantile(values, (0.25, 0.75))
    spread = min(float(values.std()), float(quarter[1] - quarter[0]) / 1.349) or float(values.std())
    curve = density(values, 0.7 * spread * len(values) ** -0.2, low, high)
    before, after = np.maximum.accumulate(curve), np.maximum.accumulate(curve[::-1])[::-1]
    depth = 1 - curve / np.maximum(np.minimum(before, after), np.finfo(float).tiny)
    places = np.linspace(low, high, GRID)
    share = np.searchsorted(np.sort(values), places) / len(values)
    least = max(LEAST_SHARE, LEAST_ROWS / len(values))
    depth[(share < least) | (share > 1 - least)] = 0.0
    at = int(np.argmax(depth))
    return float(depth[at]), float(places[at])


def _one_hump(values: Floats) -> tuple[Floats, Floats]:
    """The least smoothed density with one hump: where it stands and its distribution function."""
    low, high = float(values.min()), float(values.max())
    room = (high - low) / 4
    width = (high - low) / GRID
    while True:
        curve = density(values, width, low - room, high + room)
        rises = np.diff(curve) > 1e-9 * curve.max()
        falls = np.diff(curve) < -1e-9 * curve.max()
        if not (np.maximum.accumulate(falls) & rises).any():
            break
        width *= 1.15
    return np.linspace(low - room, high + room, GRID), np.cumsum(curve) / curve.sum()


def _drawn(smooth: tuple[Floats, Floats], count: int, generator: np.random.Generator) -> Floats:
    places, cumulated = smooth
    drawn = np.interp(generator.random(count), np.r_[0.0, cumulated], np.r_[places[0], places])
    return np.asarray(drawn, np.float64)


def dip(values: Floats) -> float:
    """How far the distribution of numbers lies from the nearest one with a single hump, 0 to 0.25; ties count once.

    Hartigan and Hartigan 1985, by the steps of AS 217; the two hulls are made at once in place of point by point.

    >>> round(dip(np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])), 4)
    0.2
    """
    x = np.unique(values)
    count = len(x)
    if count < 4:
        return 0.5 / max(count, 1)
    heights = np.arange(count, dtype=np.float64)
    low, high, found = 0, count - 1, 1.0
    while True:
        inside, up = x[low : high + 1], heights[low : high + 1]
        below, above = _minorant(inside, up), -_minorant(inside, -up)
        distance = above - below + 1
        widest = int(len(distance) - 1 - np.argmax(distance[::-1]))
        if distance[widest] <= found or high - low < 2:
            break
        left = int(np.flatnonzero(np.isclose(below[: widest + 1], up[: widest + 1]))[-1])
        right = widest + int(np.flatnonzero(np.isclose(above[widest:], up[widest:]))[0])
        found = max(found, float((up - below)[: left + 1].max()) + 1 if left > 1 else found)
        found = max(found, float((above - up)[right:].max()) + 1 if len(up) - 1 - right > 1 else found)
        if left == 0 and right == len(up) - 1:
            break
        low, high = low + left, low + right
    return found / (2 * count)


def _minorant(x: Floats, heights: Floats) -> Floats:
    """The greatest convex function below points, at each of them."""
    steps = np.diff(x)
    slopes = isotonic_regression(np.diff(heights) / steps, weights=steps).x
    return np.concatenate([heights[:1], heights[0] + np.cumsum(slopes * steps)])
