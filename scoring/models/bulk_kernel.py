"""The loops of `bulk_shapley` that numba compiles; importing this file takes 2 s, for numba and the compilation.

What was compiled is kept only in a folder that NUMBA_CACHE_DIR names: numba keeps it as a pickle, and would by itself
write it beside this file.
"""

from __future__ import annotations

import os
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_FOLDER = os.environ.get("NUMBA_CACHE_DIR", "")
_CACHED = bool(_FOLDER) and os.access(_FOLDER, os.W_OK)

_INTS, _BYTES, _REALS = "int64[::1]", "uint8[::1]", "float64[::1]"
_GROUPS = f"Tuple(({_INTS}, {_INTS}, {_INTS}, {_INTS}, {_INTS}, {_BYTES}, {_BYTES}, {_INTS}))"
_SPLITS = f"Tuple(({_INTS}, float32[::1], {_BYTES}, {_INTS}, {_INTS}))"
_LEAVES = f"Tuple(({_REALS}, {_INTS}, {_INTS}, {_INTS}, {_BYTES}, {_BYTES}, {_BYTES}, {_REALS}, {_BYTES}))"

Arrays = tuple[NDArray[Any], ...]


# Compiled code runs without the interpreter's lock, and keeps every sum's order.
@numba.njit(
    f"void({_LEAVES}, {_INTS}, {_INTS}, {_REALS}, {_REALS}, {_REALS})", nogil=True, error_model="numpy", cache=_CACHED
)
def tabulate(
    leaves: Arrays,
    bits: NDArray[np.int64],
    cells: NDArray[np.int64],
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    table: NDArray[np.float64],
) -> None:
    """Adds to the tables, for every pattern of its group, what each leaf gives to the features on its way."""
    value, group, conditions, features, bit, wanted, slot, share, column = leaves
    met, factor = np.empty(256), np.empty(256)
    for leaf in range(len(value)):
        first, count = features[leaf], features[leaf + 1] - features[leaf]
        size, cell = 1 << bits[group[leaf]], cells[group[leaf]]
        for pattern in range(size):
            for at in range(count):
                met[at] = 1.0
            for at in range(conditions[leaf], conditions[leaf + 1]):
                if (pattern >> bit[at]) & 1 != wanted[at]:
                    met[slot[at]] = 0.0
            for step in range(len(points)):
                product = value[leaf] * weights[step]
                for at in range(count):
                    factor[at] = share[first + at] + (met[at] - share[first + at]) * points[step]
                    product *= factor[at]
                for at in range(count):
                    given = product / factor[at] * (met[at] - share[first + at])
                    table[cell + column[first + at] * size + pattern] += given


@numba.njit(
    f"void(float32[:, ::1], float64[:, ::1], {_SPLITS}, {_GROUPS}, {_REALS}, int64)",
    nogil=True,
    error_model="numpy",
    cache=_CACHED,
)
def look_up(
    matrix: NDArray[np.float32],
    found: NDArray[np.float64],
    splits: Arrays,
    groups: Arrays,
    table: NDArray[np.float64],
    block: int,
) -> None:
    """Fills in every row's contributions; works on a block of rows at once, features as rows of memory."""
    feature, threshold, missing_left, tree_splits, tree_groups = splits
    bits, cells, conditions, columns, asked, wanted, bit, column_feature = groups
    rows, width = matrix.shape
    most = 0
    for tree in range(len(tree_splits) - 1):
        most = max(most, tree_splits[tree + 1] - tree_splits[tree])
    values, sums = np.empty((width, block), np.float32), np.empty((width, block))
    left, pattern = np.empty((most, block), np.uint8), np.empty(block, np.uint8)
    for start in range(0, rows, block):
        count = min(block, rows - start)
        for row in range(count):
            for at in range(width):
                values[at, row] = matrix[start + row, at]
                sums[at, row] = 0.0
        for tree in range(len(tree_splits) - 1):
            base = tree_splits[tree]
            for split in range(base, tree_splits[tree + 1]):
                read, goes = values[feature[split]], left[split - base]
                limit, otherwise = threshold[split], missing_left[split]
                for row in range(count):
                    goes[row] = np.uint8(read[row] < limit) | (np.uint8(read[row] != read[row]) & otherwise)
            for group in range(tree_groups[tree], tree_groups[tree + 1]):
                size, cell = 1 << bits[group], cells[group]
                for row in range(count):
                    pattern[row] = np.uint8(size - 1)
                for at in range(conditions[group], conditions[group + 1]):
                    goes, want, place = left[asked[at] - base], wanted[at], bit[at]
                    for row in range(count):
                        pattern[row] &= ~np.uint8((goes[row] ^ want) << place)
                for at in range(columns[group], columns[group + 1]):
                    if column_feature[at] >= 0:
                        total = sums[column_feature[at]]
                        for row in range(count):
                            total[row] += table[cell + pattern[row]]
                    cell += size
        for row in range(count):
            for at in range(width):
                found[start + row, at] = sums[at, row]
