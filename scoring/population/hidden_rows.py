"""The rows of a day's index that nobody is shown: of whoever objected or was erased since it was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import FILE, ONE_READING, Objectors, objectors_of
from scoring.population.day_index import WHO_BYTES

Stamp = tuple[str | int, ...]
_found: dict[Path, tuple[Stamp, NDArray[np.int64]]] = {}  # of each home the last answer, and of what it was


def hidden_rows(home: Path, batch: pa.RecordBatch, index: Stamp) -> NDArray[np.int64]:
    """The rows of whoever is on the suppression list at this moment, or was erased.

    Args:
        home: Whose list it is.
        batch: The index.
        index: Another for another index, or other bytes of it: while it and the list stay, the answer does.

    Raises:
        SuppressionError: The list cannot be read.
    """
    stamp = (*index, *_list_mark(home))
    known = _found.get(home)
    if known is None or known[0] != stamp:
        objectors = objectors_of(home)
        known = _found[home] = (stamp, np.empty(0, np.int64) if objectors is None else _rows_of(objectors, batch))
    return known[1]


def _rows_of(objectors: Objectors, batch: pa.RecordBatch) -> NDArray[np.int64]:
    """By the hashes in the index, where they are and the list is of ids as they are read now; else by every id."""
    rows = np.arange(len(batch))
    if "who" in batch.schema.names and objectors.version >= ONE_READING:
        listed = np.array([int.from_bytes(who[:WHO_BYTES], "big") for who in objectors.hashes], np.uint64)
        rows = np.flatnonzero(np.isin(batch.column("who").to_numpy(), listed))
    customers = batch.column(CUSTOMER_ID).take(pa.array(rows)).to_pylist()
    theirs = objectors.among(customers)
    return rows[[customer in theirs for customer in customers]] if theirs else np.empty(0, np.int64)


def _list_mark(home: Path) -> Stamp:
    """Another whenever something was written to the list or its log."""
    found: list[int] = []
    for path in (home / FILE, home / f"{FILE}-wal"):
        try:
            stat = path.stat()
        except OSError:
            found += [0]
        else:
            found += [stat.st_ino, stat.st_size, stat.st_mtime_ns]
    return tuple(found)
