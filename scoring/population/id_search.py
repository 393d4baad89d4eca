"""Ids that contain a text, found in all of them at once."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.spec.ids import EDGES

_MANY = 2_000  # hits, from which on every row is looked at, which then ends early in most


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
