"""A forest laid out for `bulk_shapley`: groups of leaves, and the bit of each condition in its group's patterns.

A *group* is a subtree with the way to it. Its patterns have one bit for each feature asked for on the way, set where a
row meets all of the way's conditions on it, and one for each split inside, set where the row goes left. Groups are the
largest subtrees of at most `BITS` bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.models.trees import Indices, Trees

BITS = 8  # of a pattern, which is a byte

Arrays = tuple[NDArray[Any], ...]


class LeafGroups:
    """The ways to all nodes, and the groups; arrays have an entry a node but where a group's are meant."""

    bits: Indices  # of each group's patterns
    cells: Indices  # where each group's table begins: a column a bit, a row a pattern; and where the last ends

    def __init__(self, trees: Trees) -> None:
        nodes = np.arange(len(trees.feature))
        self._trees = trees
        self._splits = trees.children[:, 0] != nodes
        self._parent = np.full(len(nodes), -1)
        self._parent[trees.children[self._splits]] = nodes[self._splits][:, None]
        self._left = trees.children[self._parent, 0] == nodes
        self._way = np.full((len(nodes), trees.depth), -1)  # the nodes from the root to the parent
        self._slot = np.full(self._way.shape, -1)  # which of the way's features each asks for, as they appear
        self._named = np.zeros(len(nodes), dtype=np.intp)  # how many features the way asks for
        self._within = np.zeros(len(nodes), dtype=np.intp)  # splits in the subtree of a node, itself among them
        self._fresh = self._splits.copy()  # splits that ask for a feature which their way does not
        self._follow()
        self._part()

    @property
    def fit(self) -> bool:
        """Whether every leaf is in a group: no way asks for more than `BITS` features."""
        return bool(self._named.max() <= BITS)

    def _follow(self) -> None:
        """Fills in what is known of the ways, from the roots down, and of the subtrees, from the leaves up."""
        trees, levels = self._trees, [self._trees.roots]
        for depth in range(trees.depth):
            above = np.repeat(levels[-1][self._splits[levels[-1]]], 2)
            nodes = trees.children[above[::2]].ravel()
            self._way[nodes], self._slot[nodes] = self._way[above], self._slot[above]
            same = trees.feature[self._way[above, :depth]] == trees.feature[above][:, None]
            again = same.any(axis=1)
            known = self._slot[above, same.argmax(axis=1)] if depth else self._named[above]
            self._way[nodes, depth] = above
            self._slot[nodes, depth] = np.where(again, known, self._named[above])
            self._named[nodes] = self._named[above] + ~again
            self._fresh[above] = ~again
            levels.append(nodes)
        for level in levels[-2::-1]:
            splits = level[self._splits[level]]
            self._within[splits] = 1 + self._within[trees.children[splits]].sum(axis=1)

    def _part(self) -> None:
        """Finds the groups, and numbers the splits in each."""
        bits = self._named + self._within  # never rises on the way down
        small = bits <= BITS
        self._tops = np.flatnonzero(small & ~((self._parent >= 0) & small[self._parent]) & (bits > 0))
        self.bits = bits[self._tops]
        self.cells = _starts(self.bits << self.bits)
        self._columns = _starts(self.bits)
        self._group = np.full(len(bits), -1)  # that a node is in
        self._group[self._tops] = np.arange(len(self._tops))
        for depth in range(self._trees.depth):
            nodes = np.flatnonzero((self._way[:, depth] >= 0) & (self._group < 0))
            self._group[nodes] = self._group[self._way[nodes, depth]]
        inside = np.flatnonzero(self._splits & (self._group >= 0))
        self._inside = inside[np.argsort(self._group[inside], kind="stable")]  # splits in groups, group by group
        groups = self._group[self._inside]
        number = np.arange(len(groups)) - np.searchsorted(groups, groups)
        self._bit = np.full(len(bits), -1)  # of a split
        self._bit[self._inside] = self._named[self._tops[groups]] + number

    def _ways(self, nodes: Indices) -> tuple[Indices, Indices, Indices, Indices]:
        """All edges on the ways to some nodes: of which node, where it leaves, where it ends, and its slot."""
        way = self._way[nodes]
        of, at = np.nonzero(way >= 0)
        ends = np.column_stack([way[:, 1:], np.full(len(nodes), -1)])[of, at]
        return of, way[of, at], np.where(ends >= 0, ends, nodes[of]), self._slot[nodes][of, at]

    def leaves(self) -> Arrays:
        """Of every leaf the value and the group, where its conditions begin, and where its features.

        Then of every condition the bit, what it must be, and the feature; of every feature the share of the fitting
        rows that meet all its conditions, and the column.
        """
        leaves = np.flatnonzero(~self._splits & (self._group >= 0))
        of, nodes, ends, slot = self._ways(leaves)
        inside = self._group[nodes] >= 0
        bit = np.where(inside, self._bit[nodes], slot)
        features = _starts(self._named[leaves])
        share, column = np.ones(features[-1]), np.zeros(features[-1], dtype=np.uint8)
        np.multiply.at(share, features[of] + slot, self._trees.cover[ends] / self._trees.cover[nodes])
        fresh = self._fresh[nodes]
        column[(features[of] + slot)[fresh]] = bit[fresh]
        return (
            self._trees.value[leaves].astype(np.float64),
            self._group[leaves],
            _starts(np.bincount(of, minlength=len(leaves))),
            features,
            bit.astype(np.uint8),
            (~inside | self._left[ends]).astype(np.uint8),
            slot.astype(np.uint8),
            share,
            column,
        )

    def splits(self) -> Arrays:
        """Of every split the feature, the threshold and whether a missing value goes left.

        Then where each tree's splits begin, and where its groups.
        """
        splits, trees = np.flatnonzero(self._splits), self._trees
        bounds = [*trees.roots, len(self._splits)]
        return (
            trees.feature[splits],
            trees.value[splits],
            (trees.column == trees.feature)[splits].astype(np.uint8),
            np.searchsorted(splits, bounds),
            np.searchsorted(self._tops, bounds),
        )

    def groups(self) -> Arrays:
        """Of every group the bits, and where its table, its conditions and its columns begin.

        Then of every condition the split, which side it wants and the bit; of every column the feature, -1 where none
        of the group's leaves has its feature there.
        """
        of, nodes, ends, slot = self._ways(self._tops)
        inside, fresh = self._inside, self._inside[self._fresh[self._inside]]
        group = np.concatenate([of, self._group[inside]])
        order = np.argsort(group, kind="stable")
        numbers = np.cumsum(self._splits) - 1
        feature = np.full(self._columns[-1], -1)
        feature[self._columns[of] + slot] = self._trees.feature[nodes]
        feature[self._columns[self._group[fresh]] + self._bit[fresh]] = self._trees.feature[fresh]
        wanted = np.concatenate([self._left[ends], np.ones(len(inside), dtype=np.bool_)])
        return (
            self.bits,
            self.cells,
            _starts(np.bincount(group, minlength=len(self._tops))),
            self._columns,
            numbers[np.concatenate([nodes, inside])][order],
            wanted.astype(np.uint8)[order],
            np.concatenate([slot, self._bit[inside]]).astype(np.uint8)[order],
            feature,
        )


def _starts(counts: Indices) -> Indices:
    """Where each of several runs begins, and where the last ends."""
    return np.concatenate([[0], np.cumsum(counts)])
