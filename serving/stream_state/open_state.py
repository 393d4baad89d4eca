"""A state by where it stands."""

from __future__ import annotations

from serving.stream_state.sqlite_state import SqliteState
from serving.stream_state.state import StatePlace, StreamState


def open_state(place: StatePlace) -> StreamState:
    """The state, made where there is none.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    if place.path is not None:
        return SqliteState(place)
    from serving.stream_state.postgres_state import PostgresState  # with a driver that few need

    return PostgresState(place)
