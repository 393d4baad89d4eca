"""Whether two humps lie apart: how deep the valley between them is, along one direction."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

GRID = 256
DEEP = 0.8  # depth of two equal normal humps from which nine in ten and more of either's rows can be parted
LEAST_SHARE = 0.01  # of the rows that a hump must hold
LEAST_ROWS = 15


def density(values: Floats, width: float, low: float, high: float) -> Floats:
    """A smoothed histogram on GRID places from low to high; it need not add up to one."""
    counts, edges = np.histogram(values, bins=GRID, range=(low, high))
    step = edges[1] - edges[0]
    reach = max(min(int(np.ceil(4 * width / step)), GRID), 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / max(width, step / 4)) ** 2)
    return np.convolve(counts.astype(np.float64), kernel / kernel.sum())[reach:-reach]


def depth_between(values: Floats, first: NDArray[np.bool_]) -> float:
    """How deep the density falls between two groups of rows along a direction, as a share of the lower hump: 0 to 1.

    `first` says which rows are of the one group. The hump of each is on its side of the valley.
    """
    a, b = values[first], values[~first]
    left, right = sorted((float(np.median(a)), float(np.median(b))))
    few = min(len(a), len(b))
    spread = min(_spread(a), _spread(b)) or (right - left) / GRID
    low, high = float(values.min()), float(values.max())
    if left >= right or high <= low:
        return 0.0
    low, high = max(low, left - 4 * (right - left)), min(high, right + 4 * (right - left))
    curve = density(values, 1.06 * spread * few**-0.2, low, high)
    places = np.linspace(low, high, GRID)
    before, after = np.maximum.accumulate(curve), np.maximum.accumulate(curve[::-1])[::-1]
    between = (places >= left) & (places <= right)
    if not between.any():
        return 0.0
    depth = 1 - curve / np.maximum(np.minimum(before, after), np.finfo(float).tiny)
    return float(depth[between].max())


def depths(x: Floats, labels: Integers, k: int) -> Floats:
    """The depth between every two clusters (k, k); 1 with itself.

    Along the line through their means, or along the direction that parts them best where they are longer one way
    than another (Fisher's), whichever shows more.
    """
    found = np.ones((k, k))
    members = [x[labels == one] for one in range(k)]
    means = [one.mean(axis=0) if len(one) else np.zeros(x.shape[1]) for one in members]
    spreads = [
        np.cov(one, rowvar=False).reshape(x.shape[1], -1) if len(one) > x.shape[1] + 1 else None for one in members
    ]
    for a, b in combinations(range(k), 2):
        between = means[b] - means[a]
        directions = [between]
        if (one := spreads[a]) is not None and (other := spreads[b]) is not None:
            within = (one * len(members[a]) + other * len(members[b])) / (len(members[a]) + len(members[b]))
            ridge = np.eye(len(within)) * (0.05 * np.trace(within) / len(within) + 1e-9)
            directions.append(np.linalg.solve(within + ridge, between))
        found[a, b] = found[b, a] = max(_depth_along(members[a], members[b], each) for each in directions)
    return found


def _depth_along(a: Floats, b: Floats, direction: Floats) -> float:
    if min(len(a), len(b)) < 2 or not direction.any():
        return 0.0
    along = np.concatenate([a @ direction, b @ direction])
    return depth_between(along, np.arange(len(along)) < len(a))


def _spread(values: Floats) -> float:
    """A robust standard deviation, or the plain one where most values are equal."""
    low, high = np.quantile(values, (0.25, 0.75))
    return float((high - low) / 1.349 or values.std())
