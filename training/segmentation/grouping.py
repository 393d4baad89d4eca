"""The four ways to make groups, each as what says which group any point is in; and whether groups come again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from training.segmentation.density import MOST_ROWS, Dense, dense_groups
from training.segmentation.margins import without_states
from training.segmentation.partition import Parted, assign, kmeans
from training.segmentation.prototypes import Dendrogram, OrganisedMap, micro_centroids, organised_map, ward
from training.segmentation.search import separated

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Regroup = Callable[[Floats, int], Callable[[Floats], Integers]]  # points and a seed -> the group of any points

REFIT_STARTS = 5


@dataclass(frozen=True, slots=True)
class CustomerGrouping:
    """Groups by falling size. Centroids are what is served; groups of a map or of any shape have none."""

    assign: Callable[[Floats], Integers]
    k: int
    centroids: Floats | None = None
    drawn: Dendrogram | OrganisedMap | Dense | None = None  # what the report shows of it


def by_kmeans(points: Floats, start: Parted, *, seed: int, still: bool = False) -> CustomerGrouping:
    """From a sample's centroids by Lloyd's steps over all rows; or by the centroids as they are."""
    found = start if still or start.k == 1 else kmeans(points, start.k, seed=seed, centroids=start.centroids)
    return of_centroids(points, found.centroids)


def of_centroids(points: Floats, centroids: Floats, drawn: Dendrogram | None = None) -> CustomerGrouping:
    """Each point in the group of the nearest centroid."""
    sizes = np.bincount(assign(points, centroids), minlength=len(centroids))
    ordered = centroids[np.argsort(-sizes, kind="stable")]
    return CustomerGrouping(lambda x: assign(x, ordered), len(ordered), ordered, drawn)


def by_tree(points: Floats, k: int, *, seed: int) -> CustomerGrouping:
    """Ward's tree of micro-centroids, cut at k."""
    tree = ward(*micro_centroids(points, seed=seed))
    return of_centroids(points, tree.centroids(min(k, len(tree.leaves))), tree)


def by_map(points: Floats, k: int, *, seed: int) -> CustomerGrouping:
    """A self-organising map whose units are joined by Ward into k groups."""
    found = organised_map(points, seed=seed)
    met = found.weights > 0
    groups = ward(found.units[met], found.weights[met]).cut(min(k, int(met.sum())))
    units = found.units[met]
    sizes = np.bincount(groups, found.weights[met])
    place = np.argsort(np.argsort(-sizes, kind="stable"))
    return CustomerGrouping(lambda x: place[groups[assign(x, units)]], len(sizes), None, found)


def by_density(points: Floats, k: int | None, *, seed: int) -> CustomerGrouping:
    """Dense groups of at most MOST_ROWS points."""
    found = dense_groups(points[np.random.default_rng(seed).permutation(len(points))[:MOST_ROWS]], k)
    return CustomerGrouping(found.assign, found.k, None, found)


def grouped_again(method: str, points: Floats, k: int, *, seed: int, parted_by_valleys: bool) -> CustomerGrouping:
    """The same method on other points, from the beginning."""
    if method == "hierarchical":
        return by_tree(points, k, seed=seed)
    if method == "som":
        return by_map(points, k, seed=seed)
    if method == "density":
        return by_density(points, None, seed=seed)
    looked_at = without_states(points, points, seed) if parted_by_valleys else points
    found = separated(points, looked_at, seed=seed, plain=()) if parted_by_valleys else None
    if found is not None and found.parted.k == k:
        return of_centroids(points, found.parted.centroids)
    return of_centroids(points, kmeans(points, min(k, len(points)), seed=seed, starts=REFIT_STARTS).centroids)


def jaccard_per_group(
    points: Floats, labels: Integers, k: int, regroup: Regroup, *, seed: int, resamples: int
) -> Floats:
    """How much of each of k groups comes again in bootstraps of the rows (Hennig 2007): the mean Jaccard index, 0 to 1.

    A row that is in no group, -1, is no member of any.
    """
    generator = np.random.default_rng(seed)
    found = np.zeros((resamples, k))
    for turn in range(resamples):
        drawn = np.unique(generator.integers(0, len(points), len(points)))
        again = regroup(points[drawn], seed + turn)(points[drawn])
        before = labels[drawn]
        found[turn] = _jaccard(before, again, k).max(axis=1, initial=0.0)
    return np.asarray(found.mean(axis=0))


def _jaccard(before: Integers, again: Integers, k: int) -> Floats:
    """Of each group with each new one, shape (k, new ones)."""
    new = np.unique(again[again >= 0])
    both = np.array([[np.sum((before == old) & (again == one)) for one in new] for old in range(k)]).reshape(
        k, len(new)
    )
    sizes = np.array([np.sum(again == one) for one in new])
    either = np.array([np.sum(before == old) for old in range(k)])[:, None] + sizes - both
    return np.asarray(both / np.maximum(either, 1))


def rand_index(one: Integers, other: Integers) -> float:
    """How far two groupings of the same rows agree, adjusted for chance (Hubert and Arabie 1985): 1 where they do."""
    return float(adjusted_rand_score(one, other))
