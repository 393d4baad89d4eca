"""How many clusters: K-means of 1 to many, clusters without a valley between them joined, and which of these stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from training.segmentation.partition import Parted, assign, kmeans
from training.segmentation.valleys import DEEP, LEAST_ROWS, LEAST_SHARE, depths

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_K = 8
OVERSPLIT = (*range(2, MOST_K + 1), 12, 16)  # K-means whose clusters are joined where no valley parts them
JOINED_BELOW = (0.4, 0.6, DEEP)  # depths below which they are, tried in turn: one chance neighbour can link too many
STARTS = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A partition, and the least depth between two of its clusters (0 where one is too small to be one)."""

    parted: Parted
    depth: float


def separated(x: Floats, looked_at: Floats, *, seed: int, plain: Sequence[Parted]) -> Candidate | None:
    """The most clusters of which every two have a deep valley between them; None where there are not two.

    Args:
        x: The rows that are parted.
        looked_at: The same rows, as valleys are looked for in them (`structure.without_states`).
        seed: Begins K-means.
        plain: K-means that were made already.
    """
    best: Candidate | None = None
    for k in OVERSPLIT:
        parted = next((one for one in plain if one.k == k), None) or kmeans(x, k, seed=seed, starts=STARTS)
        for tried in (parted, *_joined(x, looked_at, parted)):
            depth = least_depth(looked_at, tried.labels)
            better = best is None or (tried.k, depth) > (best.parted.k, best.depth)
            if tried.k >= 2 and depth >= DEEP and better:
                best = Candidate(tried, depth)
    return best


def least_depth(x: Floats, labels: Integers) -> float:
    """The least depth between two clusters, 0, 1, ...; 0 where one holds too few rows."""
    sizes = np.bincount(labels[labels >= 0])
    if len(sizes) < 2 or sizes.min() < max(LEAST_ROWS, LEAST_SHARE * len(x)):
        return 0.0
    return float(depths(x, labels, len(sizes)).min())


def _joined(x: Floats, looked_at: Floats, parted: Parted) -> Iterator[Parted]:
    """The clusters that valleys leave: by the means of those joined, or by what Lloyd's steps make of these.

    The one of the two that keeps closer to what was joined.
    """
    between, seen = depths(looked_at, parted.labels, parted.k), {1, parted.k}
    for below in JOINED_BELOW:
        groups = _components(between < below)
        k = int(groups.max()) + 1
        if k in seen:
            continue
        seen.add(k)
        aim = groups[parted.labels]
        means = np.array([x[aim == one].mean(axis=0) for one in range(k)])
        labels = assign(x, means)
        still = Parted(means, labels, float(((x - means[labels]) ** 2).sum(axis=1).mean()))
        moved = kmeans(x, k, seed=0, centroids=means)
        yield max((still, moved), key=lambda one: float(adjusted_rand_score(aim, one.labels)))


def _components(linked: NDArray[np.bool_]) -> Integers:
    """The number of the connected part that each belongs to."""
    reach = linked | np.eye(len(linked), dtype=bool)
    for _ in range(len(linked)):
        reach = (reach.astype(np.int64) @ reach.astype(np.int64)) > 0
    return np.unique(reach, axis=0, return_inverse=True)[1].ravel()
