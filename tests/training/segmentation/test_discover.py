"""Verdicts: nothing is found where there is nothing, and what was planted is found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from features.config.discover_section import Method
from tests.support.shapes import Floats, Integers, blobs, gapped, of_numbers, rings
from training.segmentation.discover import discover

Shape = Callable[[np.random.Generator], tuple[Floats, Integers]]


@pytest.mark.parametrize("kind", ["one Gaussian", "counts"])
def test_where_there_is_nothing_no_clusters_are_found(kind: str) -> None:
    """Whatever silhouette and stability say of the cuts."""
    random = np.random.default_rng(3)
    rows = {
        "one Gaussian": random.multivariate_normal([0, 0, 0], 0.7 + 0.3 * np.eye(3), 250),
        "counts": random.poisson(2, size=(250, 3)).astype(float),
    }[kind]

    found = discover(of_numbers(rows), method="kmeans", k=None, seed=1)

    assert found.verdict != "clusters"


@pytest.mark.parametrize(
    ("shape", "method", "k"),
    [(blobs, "hierarchical", 3), (gapped, "kmeans", 2), (rings, "density", 2)],
)
def test_what_was_planted_is_found(shape: Shape, method: Method, k: int) -> None:
    """By a method that fits the shape: verdict, number of clusters and who is in which."""
    rows, truth = shape(np.random.default_rng(5))
    given = of_numbers(rows)

    found = discover(given, method=method, k=None, seed=1)

    assert (found.verdict, found.grouping.k) == ("clusters", k)
    assert found.structure is not None
    space = found.structure.space
    agreed = adjusted_rand_score(truth, found.grouping.assign(space.points(space.columns(given.rows))))
    assert agreed >= 0.95


def test_the_same_seed_finds_the_same() -> None:
    """To the last bit of a centroid."""
    rows = of_numbers(blobs(np.random.default_rng(5), 100)[0])

    first, second = (discover(rows, method="hierarchical", k=3, seed=2) for _ in range(2))

    assert first.learned == second.learned
    assert first.learned is not None


def test_a_handful_of_customers_is_one_group() -> None:
    """Nothing is looked for below fifty rows, nor where all are alike."""
    few = of_numbers(np.random.default_rng(0).normal(size=(20, 2)))
    alike = of_numbers(np.ones((200, 2)))

    found = [discover(rows, method="kmeans", k=None, seed=0) for rows in (few, alike)]

    assert [(one.verdict, one.grouping.k, one.sizes) for one in found] == [("none", 1, (20,)), ("none", 1, (200,))]
