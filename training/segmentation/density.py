"""Groups of any shape, and outliers: HDBSCAN, and how far the groups stand apart for the room they take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from sklearn.cluster import HDBSCAN

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_ROWS = 20_000  # that groups are looked for in
LEAST_GROUP = 0.01  # share of the rows that a group holds
LEAST_ROWS = 15
NEIGHBOURS = 10
OUTLIER = -1
INNER = 0.95  # quantile of a group's own steps that stands for its widest: one stray member is no gap


@dataclass(frozen=True, slots=True)
class Dense:
    """Rows with the group of each, 0, 1, ... by falling size, or OUTLIER."""

    points: Floats
    labels: Integers

    @property
    def k(self) -> int:
        """How many groups."""
        return int(self.labels.max(initial=OUTLIER)) + 1

    def assign(self, points: Floats) -> Integers:
        """The group of the nearest of the rows."""
        return np.asarray(self.labels[cKDTree(self.points).query(points)[1]])


def dense_groups(points: Floats, k: int | None = None) -> Dense:
    """The groups that HDBSCAN finds (Campello and others 2013), the k largest of them where k is given."""
    least = max(LEAST_ROWS, int(LEAST_GROUP * len(points)))
    found = HDBSCAN(min_cluster_size=least, min_samples=min(NEIGHBOURS, len(points) - 1), copy=True).fit(points).labels_
    names, counts = np.unique(found[found >= 0], return_counts=True)
    by_size = names[np.argsort(-counts, kind="stable")][:k]
    labels = np.full(len(points), OUTLIER, dtype=np.int64)
    for at, name in enumerate(by_size):
        labels[found == name] = at
    return Dense(points, labels)


def apartness(points: Floats, labels: Integers) -> float:
    """How much wider the gaps around groups are than the steps inside them, -1 to 1; 0 where there are not two groups.

    The mean over rows of (gap - step) / max(gap, step) of its group, 0 for an outlier, by distances that neighbours
    count in (Moulavi and others 2014, density-based validity).
    """
    groups = np.unique(labels[labels >= 0])
    if len(groups) < 2:
        return 0.0
    apart = cdist(points, points)
    near = np.partition(apart, min(NEIGHBOURS, len(points) - 1), axis=1)[:, min(NEIGHBOURS, len(points) - 1)]
    apart = np.maximum(apart, np.maximum(near[:, None], near[None]))
    total = 0.0
    for group in groups:
        mine = labels == group
        others = (labels >= 0) & ~mine
        inside = minimum_spanning_tree(apart[np.ix_(mine, mine)]).data
        step, gap = float(np.quantile(inside, INNER)) if len(inside) else 0.0, float(apart[np.ix_(mine, others)].min())
        total += mine.sum() * (gap - step) / max(gap, step, np.finfo(float).tiny)
    return float(total / len(labels))
