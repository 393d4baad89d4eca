"""The state of a stream in one file, for one worker at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from features.spec.atomic import draft_of
from scoring.storage.sqlite import WRITE_SECONDS, scrub
from serving.stream_state.state import TABLES, Cell, StatePlace, StreamState

_WORDS = {"plain": "WITHOUT ROWID", "whole": "INTEGER", "real": "REAL", "number": "INTEGER PRIMARY KEY", "blob": "BLOB"}


class SqliteState(StreamState):
    """The file of one stream, which only its owner may read; made where there is none."""

    body_holds = "instr(body, CAST(? AS BLOB)) > 0"

    def __init__(self, place: StatePlace) -> None:
        """Opens it.

        Raises:
            sqlite3.Error: It is none, or cannot be read.
        """
        self.place, self._path = place, place.path or Path(f"{place.name}.db")
        if not self._path.exists():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft_of(self._path, mode=0o600, keep_existing=True) as draft:
                made = sqlite3.connect(draft)
                made.execute("PRAGMA journal_mode = WAL")
                made.executescript(TABLES.format(**_WORDS))
                made.close()
        self._connection = sqlite3.connect(self._path, timeout=WRITE_SECONDS, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = FULL")  # what is acknowledged must outlive a power cut
        self._connection.execute("PRAGMA secure_delete = ON")

    @contextmanager
    def transaction(self, of: Collection[str] | None = ()) -> Iterator[None]:  # noqa: ARG002 nobody else writes at all
        """As the port has it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def alone(self, work: str) -> Iterator[None]:  # noqa: ARG002 there is one worker
        """As the port has it."""
        yield

    def ask(self, question: str, values: Sequence[Cell] = ()) -> list[tuple[Cell, ...]]:
        """As the port has it."""
        return self._connection.execute(question, values).fetchall()

    def write(self, change: str, rows: Iterable[Sequence[Cell]]) -> int:
        """As the port has it."""
        return max(self._connection.executemany(change, rows).rowcount, 0)

    def join(self) -> None:
        """As the port has it."""

    def scrub(self) -> None:
        """As the port has it."""
        scrub(self._path)

    def close(self) -> None:
        """As the port has it."""
        self._connection.close()
