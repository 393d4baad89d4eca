"""Exact Shapley values of trees, path-dependent as in TreeSHAP (Lundberg 2018), in a form that numpy is quick at.

A leaf's value is reached by the share of its path's features that a coalition knows: feature i contributes o (1 where
the row meets all its conditions on the path, else 0) when known, and z (the share of the fitting rows that do) when
not. The game of one leaf is v * prod(z_i + (o_i - z_i) * known_i), which is multilinear, so its Shapley values are an
integral along the diagonal (Owen 1972, Multilinear extensions of games):

    phi_j = v * (o_j - z_j) * integral over t in 0..1 of prod over i != j of (z_i + (o_i - z_i) * t)

The integrand is a polynomial of a degree below the depth, for which Gauss-Legendre quadrature on few points is exact.
The products run down the trees once, the sums over leaves up again once; what an edge contributes at each point is one
of three constants, looked up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.models.trees import Indices, Trees, double

_ELEMENTS = 32_768  # edges times rows worked on at once: they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class _Level:
    """The edges that end at one depth, two and two below one node: left, right."""

    edges: slice  # of the edges of all levels
    above: Indices  # for each pair, the position of the edge above it in the level before; none at the roots
    again: Indices  # the edges of a feature that was asked for above
    nearest: Indices  # and for each of them the nearest edge above with that feature


class Shapley:
    """The edges of all trees, level by level, and what each multiplies and adds in each of its three states.

    The states: 0, an edge above with the same feature does not hold; 1, that one holds and this does not; 2, both.
    """

    def __init__(self, trees: Trees) -> None:
        self._width = trees.width
        self._levels: list[_Level] = []
        parents, ends = self._number(trees)
        self._splits = parents[::2]
        self._column, self._threshold = trees.column[self._splits], trees.value[self._splits]
        self._feature = trees.feature[parents]
        leaf = trees.children[ends, 0] == ends
        self._leaf = np.where(leaf, trees.value[ends].astype(np.float64), 0.0)
        self._again = np.concatenate([level.again for level in self._levels])
        self._nearest = np.concatenate([level.nearest for level in self._levels])
        self._tabulate(trees.cover[ends] / trees.cover[parents], trees.depth)

    def _number(self, trees: Trees) -> tuple[Indices, Indices]:
        """The node each edge leaves and the node it ends at; fills in the levels."""
        parents: list[Indices] = []
        ends: list[Indices] = []
        nodes, count = trees.roots, 0
        path = np.empty((len(nodes), 0), dtype=np.intp)  # for each node, the edges on its way
        asked = np.empty((len(nodes), 0), dtype=np.intp)  # and their features
        while len(above := np.flatnonzero(trees.children[nodes, 0] != nodes)):
            splits = np.repeat(nodes[above], 2)
            path, asked = np.repeat(path[above], 2, axis=0), np.repeat(asked[above], 2, axis=0)
            edges = np.arange(count, count + len(splits))
            nearest = _nearest(path, asked, trees.feature[splits])
            again = nearest >= 0
            self._levels.append(_Level(slice(count, count + len(splits)), above, edges[again], nearest[again]))
            nodes = trees.children[nodes[above]].ravel()
            path = np.concatenate([path, edges[:, None]], axis=1)
            asked = np.concatenate([asked, trees.feature[splits][:, None]], axis=1)
            parents.append(splits)
            ends.append(nodes)
            count += len(splits)
        return np.concatenate(parents), np.concatenate(ends)

    def _tabulate(self, shares: NDArray[np.float64], depth: int) -> None:
        """What an edge multiplies a product by, and adds per unit of leaves below; by point, then edge and state."""
        own, before = shares.copy(), np.ones(len(shares))  # where there is no edge above, it is one that always holds
        for level in self._levels:
            own[level.again] *= own[level.nearest]
        before[self._again] = own[self._nearest]
        points, weights = quadrature(depth)
        met, met_before = np.asarray([0.0, 0.0, 1.0]), np.asarray([0.0, 1.0, 1.0])  # by state
        factors, rates = [], []
        for point, weight in zip(points.tolist(), weights.tolist(), strict=True):
            factor = own[:, None] + (met - own[:, None]) * point
            factor_before = before[:, None] + (met_before - before[:, None]) * point
            factors.append((factor / factor_before).ravel())
            rate = (met - own[:, None]) / factor - (met_before - before[:, None]) / factor_before
            rates.append((weight * rate).ravel())
        self._factors, self._rates = factors, rates
        self._unmet: Indices = 3 * np.arange(len(shares)) + 1  # where state 1 of each edge stands in the tables

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds to the raw log-odds, shape (rows, features); a row's bits do not depend on others."""
        step = max(1, _ELEMENTS // len(self._unmet))
        parts = [self._part(matrix[start : start + step]) for start in range(0, len(matrix), step)]
        return np.concatenate(parts) if parts else np.zeros((0, self._width))

    def _part(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        states = self._states(matrix)
        total = np.zeros(states.shape)
        for factors, rates in zip(self._factors, self._rates, strict=True):
            total += rates.take(states) * self._leaves_below(factors.take(states))
        where = self._feature + self._width * np.arange(len(matrix))[:, None]
        summed = np.bincount(where.ravel(), total.ravel(), minlength=self._width * len(matrix))
        return np.asarray(summed, dtype=np.float64).reshape(len(matrix), self._width)

    def _states(self, matrix: NDArray[np.float32]) -> Indices:
        """Where each edge's state stands in the tables, shape (rows, edges)."""
        right = double(matrix).take(self._column, axis=1) >= self._threshold
        holds = np.empty((len(matrix), len(self._unmet)), dtype=np.bool_)
        holds[:, ::2], holds[:, 1::2] = ~right, right
        for level in self._levels[1:]:
            holds[:, level.again] &= holds[:, level.nearest]
        states: Indices = self._unmet + holds
        states[:, self._again] -= ~holds[:, self._nearest]
        return states

    def _leaves_below(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each edge the sum over the leaves below of value times the product of all factors on the way there."""
        for before, level in zip(self._levels, self._levels[1:], strict=False):
            above = products[:, before.edges].take(level.above, axis=1)
            below = products[:, level.edges]
            below[:, ::2] *= above
            below[:, 1::2] *= above
        products *= self._leaf
        for before, level in zip(self._levels[-2::-1], self._levels[:0:-1], strict=False):
            below = products[:, level.edges]
            products[:, before.edges.start + level.above] = below[:, ::2] + below[:, 1::2]
        return products


def quadrature(depth: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points in 0..1 and their weights, by which a leaf's integrand on a way of this depth is integrated exactly."""
    points, weights = np.polynomial.legendre.leggauss((depth + 1) // 2)
    return (points + 1) / 2, weights / 2


def _nearest(path: Indices, asked: Indices, feature: Indices) -> Indices:
    """For each way the last edge on it with the feature, -1 where there is none."""
    nearest = np.full(len(path), -1, dtype=np.intp)
    for depth in range(path.shape[1]):
        same = asked[:, depth] == feature
        nearest[same] = path[same, depth]
    return nearest
