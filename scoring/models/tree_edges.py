"""The edges of trees in the order in which products run down them and sums up again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.models.trees import Indices, Trees

_INNER, _LAST, _LEAF = range(3)


@dataclass(frozen=True, slots=True)
class Level:
    """The edges that end at one depth: first those that end at a split, then at a last split, then at a leaf."""

    edges: slice  # of the edges of all levels
    inner: slice  # those that end at a split, below which there are edges
    last: slice  # those that end at a last split
    twins: slice  # its place among the last splits of all levels
    above: Indices  # for each edge, which of the inner edges of the level before it goes on from; none at the roots
    left: Indices  # for each of those, where among the edges of this level it goes on to the left
    right: Indices
    again: Indices  # the edges of a feature that was asked for above
    nearest: Indices  # and for each of them the nearest edge above with that feature


@dataclass(frozen=True, slots=True)
class Twins:
    """The last splits, each with two leaves."""

    nodes: Indices
    again: Indices  # positions of those whose feature was asked for above
    nearest: Indices  # and for each of them the nearest edge above with that feature


@dataclass(frozen=True, slots=True)
class Edges:
    """All edges but those below last splits."""

    parents: Indices  # the node each edge leaves
    ends: Indices  # and the one it ends at
    levels: tuple[Level, ...]
    twins: Twins


def edges_of(trees: Trees) -> Edges:
    """The edges of all trees but those below last splits, level by level."""
    kinds = _kinds(trees)
    nodes = trees.roots[kinds[trees.roots] == _INNER]
    path = asked = np.empty((len(nodes), 0), dtype=np.intp)  # for each node the edges on its way, and their features
    levels: list[Level] = []
    parents, ends, twins, nearest_of_twins = [], [], [], []
    count = twin_count = 0
    while len(nodes):
        pairs = trees.children[nodes].T.ravel()  # all that go left, then all that go right
        order = np.argsort(kinds[pairs], kind="stable")
        above, reached, place = order % len(nodes), pairs[order], np.argsort(order)
        inner, last = np.cumsum(np.bincount(kinds[pairs], minlength=3))[:2].tolist()
        edges, feature = count + np.arange(len(order)), trees.feature[nodes[above]]
        nearest = _nearest(path[above], asked[above], feature)
        levels.append(
            Level(
                slice(count, count + len(order)),
                slice(count, count + inner),
                slice(count + inner, count + last),
                slice(twin_count, twin_count + last - inner),
                above,
                place[: len(nodes)],
                place[len(nodes) :],
                edges[nearest >= 0],
                nearest[nearest >= 0],
            )
        )
        parents.append(nodes[above])
        ends.append(reached)
        path = np.concatenate([path[above], edges[:, None]], axis=1)[:last]
        asked = np.concatenate([asked[above], feature[:, None]], axis=1)[:last]
        twins.append(reached[inner:last])
        nearest_of_twins.append(_nearest(path[inner:], asked[inner:], trees.feature[twins[-1]]))
        nodes, path, asked = reached[:inner], path[:inner], asked[:inner]
        count, twin_count = count + len(order), twin_count + last - inner
    nearest = np.concatenate(nearest_of_twins)
    again = np.flatnonzero(nearest >= 0)
    return Edges(
        np.concatenate(parents),
        np.concatenate(ends),
        tuple(levels),
        Twins(np.concatenate(twins), again, nearest[again]),
    )


def _kinds(trees: Trees) -> Indices:
    """Whether each node is a split, a last split below another, or a leaf."""
    leaf = trees.left == np.arange(len(trees.left))
    last = ~leaf & leaf[trees.children].all(axis=1)
    last[trees.roots] = False  # no edge ends at a root, in whose place its leaves could stand
    return np.where(leaf, _LEAF, np.where(last, _LAST, _INNER))


def _nearest(path: Indices, asked: Indices, feature: Indices) -> Indices:
    """For each way the last edge on it with the feature, -1 where there is none."""
    nearest = np.full(len(path), -1, dtype=np.intp)
    for depth in range(path.shape[1]):
        same = asked[:, depth] == feature
        nearest[same] = path[same, depth]
    return nearest
