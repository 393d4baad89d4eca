"""Rows of a day's index: those that nobody is shown, since the customer objected, and those whose id has a text."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from features.spec.ids import EDGES
from features.spec.suppression_list import FILE, ONE_READING, Objectors, objectors_of
from scoring.population.day_index import WHO_BYTES

Stamp = tuple[str | int, ...]
_MANY = 2_000  # hits, from which on every row is looked at, which then ends early in most
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


def rows_containing(ids: pa.StringArray, contains: str) -> NDArray[np.int64]:
    """The rows, rising, whose id contains a text; blanks around it do not count, no text is in none."""
    sought = unicodedata.normalize("NFC", contains.strip(EDGES)).encode("utf-8", "replace")
    if not sought or not len(ids):
        return np.empty(0, np.int64)
    ends = np.frombuffer(ids.buffers()[1], np.int32)[ids.offset : ids.offset + len(ids) + 1]
    text = memoryview(ids.buffers()[2])[ends[0] : ends[-1]].tobytes()
    hits = _places(text, sought)
    if len(hits) == _MANY:
        return np.flatnonzero(pc.match_substring(ids, sought.decode()).to_numpy(zero_copy_only=False))
    found = np.asarray(hits, np.int64) + int(ends[0])
    rows = np.searchsorted(ends, found, side="right") - 1
    return np.unique(rows[ends[rows + 1] >= found + len(sought)])  # one that begins in a row may end in the next


def _places(text: bytes, sought: bytes) -> list[int]:
    """Where a text stands in another, at most so many times."""
    places: list[int] = []
    at = text.find(sought)
    while at >= 0 and len(places) < _MANY:
        places.append(at)
        at = text.find(sought, at + 1)
    return places
