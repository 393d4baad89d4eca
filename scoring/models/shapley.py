"""Exact Shapley values of trees, path-dependent as in TreeSHAP (Lundberg 2018), in a form that numpy is quick at.

A leaf's value is reached by the share of its path's features that a coalition knows: feature i contributes o (1 where
the row meets all its conditions on the path, else 0) when known, and z (the share of the fitting rows that do) when
not. The game of one leaf is v * prod(z_i + (o_i - z_i) * known_i), which is multilinear, so its Shapley values are an
integral along the diagonal (Owen 1972, Multilinear extensions of games):

    phi_j = v * (o_j - z_j) * integral over t in 0..1 of prod over i != j of (z_i + (o_i - z_i) * t)

The integrand is a polynomial of a degree below the depth, for which Gauss-Legendre quadrature on few points is exact.
The products run down the trees once, the sums over leaves up again once; what an edge contributes at each point is one
of three constants, looked up. Half of all edges end at the two leaves of a last split: such twins are looked up as one.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scoring.models.tree_edges import edges_of
from scoring.models.trees import Indices, Trees, double

_ELEMENTS = 32_768  # points times edges times rows worked on at once: they stay in the processor's cache


class Shapley:
    """The edges of all trees, level by level, and what each multiplies and adds in each of its three states.

    The states of an edge: 0, one above with the same feature does not hold; 1, that one holds and this does not; 2,
    both. Those of a last split: 0 as before; 1, the row goes to the left leaf; 2, to the right.
    """

    def __init__(self, trees: Trees) -> None:
        self._width = trees.width
        edges = edges_of(trees)
        parents, ends, self._levels, self._twins = edges.parents, edges.ends, edges.levels, edges.twins
        splits = self._twins.nodes
        self._feature, self._twin_feature = trees.feature[parents], trees.feature[splits]
        self._column, self._twin_column = trees.column[parents], trees.column[splits]
        self._threshold, self._twin_threshold = trees.threshold[parents], trees.threshold[splits]
        self._goes_right = ends != trees.left[parents]
        self._leaf = np.where(trees.left[ends] == ends, trees.value[ends].astype(np.float64), 1.0)
        self._again = np.concatenate([level.again for level in self._levels])
        self._nearest = np.concatenate([level.nearest for level in self._levels])
        self._tabulate(trees, trees.cover[ends] / trees.cover[parents])

    def _tabulate(self, trees: Trees, shares: NDArray[np.float64]) -> None:
        """What an edge multiplies a product by, and adds per unit of leaves below; by point, then edge and state.

        For the leaves of a last split: the sum of value times factor, and what they add to the split's feature.
        """
        own, before = shares.copy(), np.ones(len(shares))  # where there is no edge above, it is one that always holds
        for level in self._levels:
            own[level.again] *= own[level.nearest]
        before[self._again] = own[self._nearest]
        factors, rates = _tables(own, before, trees.depth)
        leaves = trees.children[self._twins.nodes]
        before = np.ones(len(leaves))
        before[self._twins.again] = own[self._twins.nearest]
        sums = adds = np.zeros((len(factors), len(leaves), 3))
        for side, states in enumerate(([0, 2, 1], [0, 1, 2])):  # of the leaf's edge, by the state of the split
            share = trees.cover[leaves[:, side]] / trees.cover[self._twins.nodes]
            factor, rate = (table[..., states] for table in _tables(before * share, before, trees.depth))
            worth = factor * trees.value[leaves[:, side], None].astype(np.float64)
            sums, adds = sums + worth, adds + rate * worth
        self._factors, self._rates, self._sums, self._adds = map(_flat, (factors, rates, sums, adds))
        self._unmet: Indices = 3 * np.arange(len(shares)) + 1  # where state 1 of each edge stands in the tables
        self._to_left: Indices = 3 * np.arange(len(leaves)) + 1

    def contributions(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each feature adds to the raw log-odds, shape (rows, features); a row's bits do not depend on others."""
        step = max(1, _ELEMENTS // (len(self._factors) * len(self._unmet)))
        parts = [self._part(matrix[start : start + step]) for start in range(0, len(matrix), step)]
        return np.concatenate(parts) if parts else np.zeros((0, self._width))

    def _part(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        states, twin_states = self._states(double(matrix))
        products = self._products(self._factors.take(states, axis=1))
        twins = self._adds.take(twin_states, axis=1)
        sums = self._sums.take(twin_states, axis=1)
        for level in self._levels:
            ending = products[..., level.last]
            twins[..., level.twins] *= ending
            ending *= sums[..., level.twins]
        added = self._leaves_below(products)
        added *= self._rates.take(states, axis=1)
        return self._by_feature(self._feature, added) + self._by_feature(self._twin_feature, twins)

    def _by_feature(self, features: Indices, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums over points and edges of amounts, shape (points, rows, edges), whose edges ask for these features."""
        total = amounts.sum(axis=0)
        where = features + self._width * np.arange(len(total))[:, None]
        summed = np.bincount(where.ravel(), total.ravel(), minlength=self._width * len(total))
        return np.asarray(summed, dtype=np.float64).reshape(len(total), self._width)

    def _states(self, doubled: NDArray[np.float32]) -> tuple[Indices, Indices]:
        """Where the state of each edge, and of each last split, stands in the tables, shape (rows, edges)."""
        holds = (doubled.take(self._column, axis=1) >= self._threshold) == self._goes_right
        for level in self._levels[1:]:
            holds[:, level.again] &= holds[:, level.nearest]
        states: Indices = self._unmet + holds
        states[:, self._again] -= ~holds[:, self._nearest]
        twins: Indices = self._to_left + (doubled.take(self._twin_column, axis=1) >= self._twin_threshold)
        again, holding = self._twins.again, holds[:, self._twins.nearest]
        twins[:, again] = np.where(holding, twins[:, again], self._to_left[again] - 1)
        return states, twins

    def _products(self, factors: NDArray[np.float64]) -> NDArray[np.float64]:
        """The product of all factors on the way to the end of each edge, by the factor of each, which it takes over.

        Shape (points, rows, edges); where an edge ends at a leaf its value is a factor too.
        """
        for before, level in pairwise(self._levels):
            factors[..., level.edges] *= factors[..., before.inner].take(level.above, axis=-1)
        factors *= self._leaf
        return factors

    def _leaves_below(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each edge the sum of what stands at the ends of the ways that go on from it, in place."""
        for level, before in pairwise(reversed(self._levels)):
            below = products[..., level.edges]
            products[..., before.inner] = below.take(level.left, axis=-1) + below.take(level.right, axis=-1)
        return products


def quadrature(depth: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points in 0..1 and their weights, by which a leaf's integrand on a way of this depth is integrated exactly."""
    points, weights = np.polynomial.legendre.leggauss((depth + 1) // 2)
    return (points + 1) / 2, weights / 2


def _tables(
    own: NDArray[np.float64], before: NDArray[np.float64], depth: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factors and weighted rates, shape (points, edges, 3 states).

    `own` is the share that meets all conditions on an edge's feature down to it, `before` the same without it.
    """
    points, weights = (values[:, None, None] for values in quadrature(depth))
    met, met_before = np.asarray([0.0, 0.0, 1.0]), np.asarray([0.0, 1.0, 1.0])  # by state
    own, before = own[:, None], before[:, None]
    factor = own + (met - own) * points
    factor_before = before + (met_before - before) * points
    rates = weights * ((met - own) / factor - (met_before - before) / factor_before)
    return factor / factor_before, rates


def _flat(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """By point, and then by edge and state."""
    return np.ascontiguousarray(table).reshape(len(table), -1)
