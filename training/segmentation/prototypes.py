"""Few weighted points that stand for any number of rows: micro-centroids joined by Ward, and a self-organising map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.segmentation.partition import assign, kmeans

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST = 500  # micro-centroids
LEARNED_ROWS = 20_000  # that micro-centroids and the map are learned from; all rows count in the weights
SIDE = 8  # of the map
EPOCHS = 20


@dataclass(frozen=True, slots=True)
class Dendrogram:
    """A dendrogram: weighted leaves, and each join of two nodes; leaves come first, each join is one more node."""

    leaves: Floats  # shape (leaves, d)
    weights: Floats  # rows of each
    joins: Integers  # shape (leaves - 1, 2)
    heights: Floats  # of each join, rising: square roots of the added sum of squares

    def cut(self, k: int) -> Integers:
        """Which of k groups each leaf is in."""
        parent = np.arange(len(self.leaves) + len(self.joins))
        for at in range(len(self.leaves) - k):
            parent[self.joins[at]] = len(self.leaves) + at
        for at in range(len(parent) - 1, -1, -1):
            parent[at] = parent[parent[at]]
        return np.unique(parent[: len(self.leaves)], return_inverse=True)[1].astype(np.int64)

    def centroids(self, k: int) -> Floats:
        """The means of the rows below each of k groups."""
        groups = self.cut(k)
        return np.array(
            [np.average(self.leaves[groups == one], axis=0, weights=self.weights[groups == one]) for one in range(k)]
        )


def micro_centroids(points: Floats, *, seed: int) -> tuple[Floats, Floats]:
    """At most MOST of them, and the rows of each: of a sample's K-means, moved once to the means of all rows."""
    generator = np.random.default_rng(seed)
    sample = points[generator.permutation(len(points))[:LEARNED_ROWS]]
    k = min(MOST, len(np.unique(sample, axis=0)))
    return _moved(points, kmeans(sample, k, seed=seed, starts=1).centroids)


def _moved(points: Floats, centroids: Floats) -> tuple[Floats, Floats]:
    labels = assign(points, centroids)
    weights = np.bincount(labels, minlength=len(centroids)).astype(np.float64)
    sums = np.stack([np.bincount(labels, points[:, one], len(centroids)) for one in range(points.shape[1])], axis=1)
    met = weights > 0
    return sums[met] / weights[met, None], weights[met]


def ward(leaves: Floats, weights: Floats) -> Dendrogram:
    """Joins the two groups that cost least sum of squares (Ward 1963), step by step, counting every row of a leaf."""
    count = len(leaves)
    size, number = weights.copy(), np.arange(count)
    squares = (leaves**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * leaves @ leaves.T, 0.0)
    cost = apart * np.outer(size, size) / np.add.outer(size, size)
    np.fill_diagonal(cost, np.inf)
    joins, heights = np.empty((count - 1, 2), dtype=np.int64), np.empty(count - 1)
    for step in range(count - 1):
        a, b = divmod(int(np.argmin(cost)), count)
        a, b = min(a, b), max(a, b)
        joins[step], heights[step] = sorted((number[a], number[b])), np.sqrt(cost[a, b])
        total = size + size[a] + size[b]
        with np.errstate(invalid="ignore"):
            joined = ((size + size[a]) * cost[a] + (size + size[b]) * cost[b] - size * cost[a, b]) / total
        size[a] += size[b]
        cost[a] = cost[:, a] = joined
        cost[b] = cost[:, b] = np.inf
        cost[a, a], number[a] = np.inf, count + step
    return Dendrogram(leaves, weights, joins, np.maximum.accumulate(heights))


@dataclass(frozen=True, slots=True)
class OrganisedMap:
    """Units on a square grid, row by row, neighbours alike; and the rows nearest to each."""

    units: Floats
    weights: Floats
    side: int

    def ridges(self) -> Floats:
        """How far each unit is from its neighbours on the grid, on average (the U-matrix), shape (side, side)."""
        grid = self.units.reshape(self.side, self.side, -1)
        total, count = np.zeros((self.side, self.side)), np.zeros((self.side, self.side))
        for axis in (0, 1):
            steps = np.linalg.norm(np.diff(grid, axis=axis), axis=2)
            before, after = [slice(None)] * 2, [slice(None)] * 2
            before[axis], after[axis] = slice(None, -1), slice(1, None)
            for part in (tuple(before), tuple(after)):
                total[part] += steps
                count[part] += 1
        return total / np.maximum(count, 1)


def organised_map(points: Floats, *, seed: int, side: int = SIDE) -> OrganisedMap:
    """A batch self-organising map (Kohonen 1995) begun on the plane of the two widest directions: nothing is drawn."""
    sample = points[np.random.default_rng(seed).permutation(len(points))[:LEARNED_ROWS]]
    middle = sample.mean(axis=0)
    _, lengths, directions = np.linalg.svd(sample - middle, full_matrices=False)
    spread = lengths / np.sqrt(len(sample))
    places = np.array([(row, column) for row in range(side) for column in range(side)], dtype=np.float64)
    steps = (places - (side - 1) / 2) / ((side - 1) / 2)
    width = min(2, len(directions))
    units = middle + 2 * (steps[:, :width] * spread[:width]) @ directions[:width]
    between = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    for epoch in range(EPOCHS):
        reach = side / 2 * (0.5 / (side / 2)) ** (epoch / (EPOCHS - 1))
        near = np.exp(-between / (2 * reach**2))
        labels = assign(sample, units)
        counts = np.bincount(labels, minlength=side * side).astype(np.float64)
        sums = np.stack([np.bincount(labels, sample[:, one], side * side) for one in range(sample.shape[1])], axis=1)
        units = (near @ sums) / np.maximum(near @ counts, np.finfo(float).tiny)[:, None]
    weights = np.bincount(assign(points, units), minlength=side * side).astype(np.float64)
    return OrganisedMap(units, weights, side)
