"""Rows parted by nearest centroid: K-means of many seeded starts, assignment in blocks, the silhouette of a part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STARTS = 10
BLOCK = 65_536  # rows whose distances are in memory at once
SHOWN_ROWS = 2_000  # that a silhouette is taken of: it asks for the distance of every two


@dataclass(frozen=True, slots=True)
class Parted:
    """Centroids (k, d), the centroid of each row, and the mean squared distance to it."""

    centroids: Floats
    labels: Integers
    inertia: float

    @property
    def k(self) -> int:
        """How many clusters."""
        return len(self.centroids)

    def sizes(self) -> Integers:
        """Rows of each."""
        return np.bincount(self.labels, minlength=self.k)


def kmeans(x: Floats, k: int, *, seed: int, starts: int = STARTS, centroids: Floats | None = None) -> Parted:
    """The best of so many seeded starts, or what Lloyd's steps make of given centroids."""
    if k == 1:
        centre = x.mean(axis=0, keepdims=True)
        return Parted(centre, np.zeros(len(x), dtype=np.int64), float(((x - centre) ** 2).sum(axis=1).mean()))
    begin, count = ("k-means++", starts) if centroids is None else (centroids, 1)
    found = KMeans(k, init=begin, n_init=count, random_state=seed, copy_x=False).fit(x)
    return Parted(found.cluster_centers_, found.labels_.astype(np.int64), float(found.inertia_ / len(x)))


def assign(x: Floats, centroids: Floats) -> Integers:
    """The nearest centroid of each row by squared distance, the first of equally near ones."""
    halves, out = (centroids**2).sum(axis=1) / 2, np.empty(len(x), dtype=np.int64)
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        out[start : start + BLOCK] = np.argmin(halves - block @ centroids.T, axis=1)
    return out


class Silhouettes:
    """Silhouettes of several partitions of the same few rows, whose distances are worked out once."""

    def __init__(self, x: Floats) -> None:
        self._distances = cdist(x, x)

    def of(self, labels: Integers) -> float:
        """The mean silhouette (Rousseeuw 1987), -1 to 1; 0 of one cluster, and of a row alone in its own."""
        names, where = np.unique(labels, return_inverse=True)
        if len(names) < 2:
            return 0.0
        members = np.eye(len(names))[where]
        sizes, total = members.sum(axis=0), self._distances @ members
        own = np.arange(len(labels)), where
        inside = total[own] / np.maximum(sizes[where] - 1, 1)
        total /= sizes
        total[own] = np.inf
        nearest = total.min(axis=1)
        scale = np.maximum(np.maximum(inside, nearest), np.finfo(float).tiny)
        return float(np.where(sizes[where] > 1, (nearest - inside) / scale, 0.0).mean())
