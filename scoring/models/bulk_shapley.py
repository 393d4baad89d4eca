"""The Shapley values of `shapley` for very many rows, by tables (after Yang 2021, Fast TreeSHAP, and WOODELF 2025).

What a leaf gives to its features depends only on which of the conditions on its way hold. For every pattern of such
conditions a table holds what all leaves of a group (`leaf_groups`) together give to the feature of each bit; a row
costs a look-up a bit, whichever of the leaves it reaches. The loops over patterns and rows are compiled by numba.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from scoring.models.leaf_groups import LeafGroups
from scoring.models.shapley import quadrature
from scoring.models.trees import Trees

CELLS = 32_000_000  # of all tables at most: 256 MB
BLOCK = 512  # rows worked on at once: their sums stay in the processor's cache
# The plain way takes some 8 ns for an edge, a row and a point; the import of numba and the compilation take 2 s.
_COMPILED, _PREPARED = 250_000_000, 20_000_000
_ROUNDINGS = 16  # of the sum of all trees' largest values, between this way and the plain one: six times what was seen


class BulkShapley:
    """The tables of a forest; a row's bits depend on nothing but the row."""

    error: float  # how far at most a value is from that of `Shapley`

    def __init__(self, trees: Trees, groups: LeafGroups) -> None:
        from scoring.models import bulk_kernel

        self._kernel, self._width = bulk_kernel, trees.width
        table = np.zeros(groups.cells[-1])
        bulk_kernel.tabulate(groups.leaves(), groups.bits, groups.cells, *quadrature(trees.depth), table)
        self._program = groups.splits(), groups.groups(), table
        leaf = trees.children[:, 0] == np.arange(len(trees.children))
        largest = np.maximum.reduceat(np.where(leaf, np.abs(trees.value), 0.0), trees.roots)
        self.error = _ROUNDINGS * float(np.finfo(np.float64).eps) * float(largest.sum())

    def contributions(self, matrix: NDArray[np.float32], *, block: int = BLOCK) -> NDArray[np.float64]:
        """What each feature adds to the raw log-odds, shape (rows, features)."""
        found = np.empty((len(matrix), self._width))
        self._kernel.look_up(np.ascontiguousarray(matrix), found, *self._program, block)
        return found


def bulk_shapley(trees: Trees, rows: int) -> BulkShapley | None:
    """The tables of a forest, where so many rows are worth making them.

    None where they are not, where a way asks for more features than a pattern has bits, where the tables would take
    more than `CELLS`, and where there is no numba, as in a bento.
    """
    edges = len(trees.children) - len(trees.roots)
    compiled = f"{__package__}.bulk_kernel" in sys.modules
    if rows * edges * ((trees.depth + 1) // 2) < (_PREPARED if compiled else _COMPILED):
        return None
    groups = LeafGroups(trees)
    if not groups.fit or groups.cells[-1] > CELLS:
        return None
    try:
        return BulkShapley(trees, groups)
    except ImportError:
        return None
