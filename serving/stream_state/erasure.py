"""What a stream holds of customers, given out or removed: history, traits, segments, outbox and dead letters."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from features.spec.feature import Json
from serving.stream_state.open_state import open_state
from serving.stream_state.state import StreamState
from serving.stream_state.status import places_of

_PLACES = ("history", "traits", "stands", "outbox", "dead")
_DELETE = "DELETE FROM PLACE WHERE customer_id = ?"
_NAMED = "DELETE FROM dead WHERE customer_id IS NULL AND HOLDS"
_FIND = "SELECT customer_id FROM PLACE WHERE customer_id IN {}"


def forget_in_state(state: StreamState, customers: Collection[str]) -> int:
    """Removes customers from an open state; returns how many rows went.

    The marks of their events stay in the inbox: they are hashes, and keep what is sent again from coming back.
    """
    gone = 0
    with state.transaction(customers):
        for place in _PLACES:
            gone += state.write(_DELETE.replace("PLACE", place), [(one,) for one in customers])
        named = _NAMED.replace("HOLDS", state.body_holds)
        gone += state.write(named, [(one,) for one in customers])
    return gone


def forget_in_streams(home: Path, customers: Collection[str]) -> None:
    """Removes customers from the state of every stream of a home, to the last byte.

    Raises:
        sqlite3.Error: A state cannot be written now.
    """
    for state in _states(home):
        if forget_in_state(state, customers):
            state.scrub()


def count_in_streams(home: Path, customers: Collection[str]) -> dict[str, int]:
    """How many rows the streams of a home hold of customers whom they hold any of.

    Raises:
        sqlite3.Error: A state cannot be read now.
    """
    found: dict[str, int] = {}
    for state in _states(home):
        for place in _PLACES:
            for (customer,) in state.ask_of(_FIND.replace("PLACE", place), list(customers)):
                found[str(customer)] = found.get(str(customer), 0) + 1
    return found


def events_of(home: Path, customers: Sequence[str]) -> Mapping[str, list[dict[str, Json]]]:
    """The events that streams took in of customers, as they came. Raises as `count_in_streams`."""
    found: dict[str, list[dict[str, Json]]] = {}
    asked = "SELECT MIN(record) FROM history WHERE record IS NOT NULL AND customer_id = ? GROUP BY mark"
    for state in _states(home):
        for customer in customers:
            for (record,) in state.ask(asked, [customer]):
                found.setdefault(customer, []).append(json.loads(str(record)))
    return found


def _states(home: Path) -> Iterator[StreamState]:
    """Those of a home that there are, each open until the next."""
    for place in places_of(home):
        if place.path is None or place.path.exists():
            with closing(open_state(place)) as state:
                yield state
