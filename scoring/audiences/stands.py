"""Where customers stand as columns of a table, and back; there are far fewer ways to stand than customers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.membership import Membership, SnapshotCounts
from scoring.segments.policy import Assignment
from scoring.segments.repeated import Repeated, paired

_CODES, _DATES = pa.list_(pa.string()), pa.list_(pa.date32())
PLACE = pa.schema(
    [
        ("segment", pa.string()),  # the deepest of the path; null where there is none
        ("path", _CODES),  # exclusive segments from level 1 down
        ("also", _CODES),  # overlapping ones
        ("since", pa.date32()),  # when the customer entered `segment`
        ("path_since", _DATES),
        ("also_since", _DATES),
        ("came_from", pa.string()),  # the segment before this one; null where none is known
    ]
)


_STANDING = ("segment", "since", "came_from", "path", "path_since", "also", "also_since")
Place = tuple[tuple[str, ...], tuple[str, ...]]  # codes of the path from level 1 down, and of overlapping segments
_WITHIN, _BETWEEN = "\x1f", "\x1e"  # between the codes of a list; between columns


def stands_of(rows: pa.Table) -> Repeated[Membership]:
    """Where the customer of each row stands."""
    return _distinct(rows, _STANDING).each(lambda cells: _membership(*cells))


def places_of(rows: pa.Table) -> Repeated[Place]:
    """The path of each row's customer, and the overlapping segments beside it."""
    return _distinct(rows, ("path", "also")).each(lambda cells: (tuple(cells[0]), tuple(cells[1])))


class StandsBefore:
    """Where customers stood in a snapshot, and which of them have been asked for."""

    def __init__(self, rows: pa.Table) -> None:
        stands = stands_of(rows)
        self._ids = _whole(rows.column(CUSTOMER_ID))
        self._values: list[Membership | None] = [*stands.values, None]
        self._which = np.append(stands.which, len(stands.values))  # the last for whoever is not in it
        self._met = np.zeros(len(self._which), np.bool_)

    def of(self, customers: pa.Array) -> Repeated[Membership | None]:
        """The stand of each customer, None where there was none."""
        at = pc.index_in(customers, value_set=self._ids).fill_null(len(self._ids)).to_numpy()
        self._met[at] = True
        return Repeated(self._values, self._which[at])

    @property
    def gone(self) -> int:
        """How many were not asked for."""
        return len(self._ids) - int(self._met[:-1].sum())


def count_stands(tally: SnapshotCounts, was: pa.Table | None, now: pa.Table, as_of: date) -> None:
    """Counts the customers of rows that say where they stand; `was` are those of the snapshot before."""
    stands = stands_of(now)
    if was is None:
        for stand, customers in stands.counts():
            tally.count(None, stand, as_of, customers=customers, compared=False)
        return
    before = StandsBefore(was)
    for (old, new), customers in paired(before.of(_whole(now.column(CUSTOMER_ID))), stands).counts():
        tally.count(old, new, as_of, customers=customers)
    tally.gone += before.gone


def stand_columns(moves: Repeated[tuple[Assignment, Membership | None, Membership]]) -> dict[str, pa.Array]:
    """Where each row's customer stands; what is made of one who stands alike is made once."""
    stands = [now for _, _, now in moves.values]
    paths = [[one.code for one in place.path] for place, _, _ in moves.values]
    also = [[one.code for one in place.also] for place, _, _ in moves.values]
    values: dict[str, Iterator[Any]] = {
        "segment": (stand.segment for stand in stands),
        "path": iter(paths),
        "also": iter(also),
        "since": (stand.since for stand in stands),
        "path_since": ([stand.entered[code] for code in codes] for codes, stand in zip(paths, stands, strict=True)),
        "also_since": ([stand.entered[code] for code in codes] for codes, stand in zip(also, stands, strict=True)),
        "came_from": (stand.came_from for stand in stands),
    }
    which = pa.array(moves.which)
    return {entry.name: pa.array(list(values[entry.name]), entry.type).take(which) for entry in PLACE}


def _distinct(rows: pa.Table, names: Sequence[str]) -> Repeated[tuple[Any, ...]]:
    """The cells of each row in some columns, texts, dates or lists of either."""
    keys = pc.binary_join_element_wise(*(_as_text(rows.column(name)) for name in names), _BETWEEN)
    which = np.asarray(keys.dictionary_encode().indices, np.intp)
    first = rows.take(pa.array(np.unique(which, return_index=True)[1]))
    return Repeated([*zip(*(first.column(name).to_pylist() for name in names), strict=True)], which)


def _membership(
    segment: str | None,
    since: date | None,
    came_from: str | None,
    path: list[str],
    path_since: list[date],
    also: list[str],
    also_since: list[date],
) -> Membership:
    entered = zip([*path, *also], [*path_since, *also_since], strict=True)
    return Membership(segment, since, came_from, dict(entered))


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    """Cells, or lists of them, as texts that are the same where those are."""
    whole = _whole(column)
    if not pa.types.is_list(whole.type):
        cells: pa.Array = whole.cast(pa.string()).fill_null("")
        return cells
    lists = pa.ListArray.from_arrays(whole.offsets, whole.values.cast(pa.string()))
    joined: pa.Array = pc.binary_join(lists, _WITHIN)
    return joined


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    found: pa.Array = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    return found
