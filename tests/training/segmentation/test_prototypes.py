"""A tree of weighted leaves is Ward's tree of the rows they stand for; a map needs no chance."""

from __future__ import annotations

import numpy as np
from scipy.cluster.hierarchy import linkage

from training.segmentation.copula_null import CopulaNull
from training.segmentation.prototypes import organised_map, ward


def test_the_tree_is_that_of_scipy() -> None:
    """Heights of joins, up to the square root of two that scipy's have more; a leaf of two rows is two rows."""
    points = np.random.default_rng(2).normal(size=(60, 3))
    doubled = np.concatenate([points, points[:20]])

    one = ward(points, np.ones(60))
    weighted = ward(points, np.r_[np.full(20, 2.0), np.ones(40)])

    assert np.allclose(one.heights * np.sqrt(2), linkage(points, "ward")[:, 2])
    assert np.allclose(weighted.heights * np.sqrt(2), linkage(doubled, "ward")[20:, 2])
    assert np.allclose(one.centroids(1)[0], points.mean(axis=0))


def test_a_map_is_the_same_each_time_and_keeps_every_row() -> None:
    """Nothing is drawn."""
    points = np.random.default_rng(2).normal(size=(300, 4))

    first, second = organised_map(points, seed=0), organised_map(points, seed=0)

    assert np.array_equal(first.units, second.units)
    assert first.weights.sum() == 300


def test_redraws_keep_margins_and_rank_correlation() -> None:
    """Every value as often as it was, missing ones too."""
    random = np.random.default_rng(4)
    shared = random.normal(size=800)
    columns = np.column_stack([np.exp(shared), np.round(shared + random.normal(size=800)), random.normal(size=800)])
    columns[:80, 2] = np.nan

    drawn = CopulaNull(columns, random).draw(random)

    assert np.array_equal(np.sort(drawn, axis=0), np.sort(columns, axis=0), equal_nan=True)
    ranks = [
        np.corrcoef(np.argsort(np.argsort(each[:, 0])), np.argsort(np.argsort(each[:, 1])))[0, 1]
        for each in (drawn, columns)
    ]
    assert abs(ranks[0] - ranks[1]) < 0.06
