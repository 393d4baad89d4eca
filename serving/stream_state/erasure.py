"""What a stream holds of customers, given out or removed: history, traits, segments, outbox and dead letters."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from features.spec.feature import Json
from scoring.storage.sqlite import WRITE_SECONDS, Reader, scrub
from serving.stream_state.state import StreamState
from serving.stream_state.status import streams_of

_PLACES = ("history", "traits", "stands", "outbox", "dead")
_DELETE = "DELETE FROM PLACE WHERE customer_id = ?"
_FIND = "SELECT customer_id FROM PLACE WHERE customer_id IN {}"


def forget_in_state(state: StreamState, customers: Collection[str]) -> int:
    """Removes customers from an open state; returns how many rows went.

    The marks of their events stay in the inbox: they are hashes, and keep what is sent again from coming back.
    """
    gone = 0
    with state.transaction():
        for place in _PLACES:
            gone += state.write(_DELETE.replace("PLACE", place), [(one,) for one in customers])
        named = "DELETE FROM dead WHERE customer_id IS NULL AND instr(body, CAST(? AS BLOB)) > 0"
        gone += state.write(named, [(one,) for one in customers])
    return gone


def forget_in_streams(home: Path, customers: Collection[str]) -> None:
    """Removes customers from the state of every stream of a home, to the last byte.

    Raises:
        sqlite3.Error: A state cannot be written now.
    """
    for path in _states(home):
        state = StreamState(path)
        try:
            gone = forget_in_state(state, customers)
        finally:
            state.close()
        if gone:
            scrub(path)


def count_in_streams(home: Path, customers: Collection[str]) -> dict[str, int]:
    """How many rows the streams of a home hold of customers whom they hold any of.

    Raises:
        sqlite3.Error: A state cannot be read now.
    """
    found: dict[str, int] = {}
    for path in _states(home):
        reader = Reader(path)
        for place in _PLACES:
            for (customer,) in reader.ask_of(_FIND.replace("PLACE", place), list(customers)):
                found[customer] = found.get(customer, 0) + 1
    return found


def events_of(home: Path, customers: Sequence[str]) -> Mapping[str, list[dict[str, Json]]]:
    """The events that streams took in of customers, as they came. Raises as `count_in_streams`."""
    found: dict[str, list[dict[str, Json]]] = {}
    asked = "SELECT customer_id, MIN(record) FROM history WHERE record IS NOT NULL AND customer_id = ? GROUP BY mark"
    for path in _states(home):
        with closing(sqlite3.connect(path, timeout=WRITE_SECONDS)) as connection:
            for customer in customers:
                for _, record in connection.execute(asked, [customer]):
                    found.setdefault(customer, []).append(json.loads(record))
    return found


def _states(home: Path) -> Iterator[Path]:
    return (path for one in streams_of(home) if (path := Path(one.path)).exists())
