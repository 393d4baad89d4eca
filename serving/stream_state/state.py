"""The state of a stream: what it took in, what it knows and what it has still to publish; behind it stands a database.

A batch is one transaction over all of it, so that after a kill each event is in the history once, and what is to be
published is neither lost nor made twice. One file of SQLite is for one worker, PostgreSQL for several that share a
topic; statements are written once, in the SQL that both know.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

Cell = str | float | int | bytes | None
_AT_ONCE = 500
_CLAIM = """
INSERT INTO claims VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET generation = excluded.generation
WHERE claims.generation <= excluded.generation
"""
_NOTE = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


class FencedError(Exception):
    """The partitions of a batch belong to a later generation of the group: what an old worker read is not written."""


@dataclass(frozen=True, slots=True)
class StatePlace:
    """Where a state stands: in a file, or in a schema of a PostgreSQL."""

    name: str  # of the stream
    path: Path | None = None
    postgres: str | None = None  # its address, without a password
    postgres_env: str | None = None  # the variable of the environment that has the address


class StreamState(ABC):
    """The state of one stream, opened. Each method but `close` raises sqlite3.Error where that cannot be done now."""

    place: StatePlace
    worker: str = ""  # the number of this worker among those of the state; empty where there can be one only
    body_holds: str  # whether the bytes `body` hold a text, as SQL of one value

    @abstractmethod
    def transaction(self, of: Collection[str] | None = ()) -> AbstractContextManager[None]:
        """All or nothing.

        Args:
            of: Customers of whom nobody else writes meanwhile; None: nobody else writes of anybody. What is read of
                them within the block is what is there.
        """

    @abstractmethod
    def alone(self, work: str) -> AbstractContextManager[None]:
        """Waits until no other worker is at a piece of work, and keeps it for this one until the block ends."""

    @abstractmethod
    def ask(self, question: str, values: Sequence[Cell] = ()) -> list[tuple[Cell, ...]]:
        """Every row of an answer."""

    @abstractmethod
    def write(self, change: str, rows: Iterable[Sequence[Cell]]) -> int:
        """Makes a change for each row; returns how many rows of the state it touched."""

    @abstractmethod
    def join(self) -> None:
        """Takes a number among the workers of the state, which nobody else has until it is closed."""

    @abstractmethod
    def scrub(self) -> None:
        """Writes the state anew, so that nothing is left of removed rows."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of the database."""

    def ask_of(self, question: str, values: Sequence[Cell], before: Sequence[Cell] = ()) -> Iterator[tuple[Cell, ...]]:
        """The rows of a question with an `IN {}` at its end, after the values `before`."""
        for start in range(0, len(values), _AT_ONCE):
            some = values[start : start + _AT_ONCE]
            yield from self.ask(question.format(f"({','.join('?' * len(some))})"), [*before, *some])

    def claim(self, parts: Sequence[str], generation: int) -> None:
        """Within a transaction: the partitions are this generation's.

        Raises:
            FencedError: One of them is a later one's.
        """
        if self.write(_CLAIM, [(part, generation) for part in sorted(parts)]) < len(parts):
            raise FencedError

    def noted(self, name: str) -> str | None:
        """What was noted under a name."""
        found = self.ask("SELECT value FROM meta WHERE name = ?", [name])
        return str(found[0][0]) if found else None

    def note(self, name: str, value: str) -> None:
        """Notes it."""
        self.write(_NOTE, [(name, value)])


class StateError(sqlite3.OperationalError):
    """A state that is no file cannot be read or written now; whoever waits for the one waits for the other too."""


TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) {plain};
CREATE TABLE IF NOT EXISTS claims (part TEXT PRIMARY KEY, generation {whole} NOT NULL) {plain};
CREATE TABLE IF NOT EXISTS inbox (mark TEXT PRIMARY KEY, at {real} NOT NULL) {plain};
CREATE INDEX IF NOT EXISTS inbox_at ON inbox (at);
CREATE TABLE IF NOT EXISTS history (
    number {number}, contract TEXT NOT NULL, customer_id TEXT NOT NULL, content TEXT NOT NULL,
    mark TEXT, cells TEXT NOT NULL, record TEXT
);
CREATE INDEX IF NOT EXISTS history_customer ON history (customer_id, contract);
CREATE INDEX IF NOT EXISTS history_content ON history (content);
CREATE UNIQUE INDEX IF NOT EXISTS history_mark ON history (mark, contract) WHERE mark IS NOT NULL;
CREATE TABLE IF NOT EXISTS traits (
    contract TEXT NOT NULL, customer_id TEXT NOT NULL, cells TEXT NOT NULL, PRIMARY KEY (customer_id, contract)
) {plain};
CREATE TABLE IF NOT EXISTS stands (
    customer_id TEXT PRIMARY KEY, segment TEXT, scores TEXT NOT NULL, at {real} NOT NULL, cause TEXT,
    published TEXT, published_at {real} NOT NULL, published_scores TEXT NOT NULL, n {whole} NOT NULL,
    stored {whole} NOT NULL
) {plain};
CREATE INDEX IF NOT EXISTS stands_to_store ON stands (stored) WHERE stored = 0;
CREATE TABLE IF NOT EXISTS outbox (
    number {number}, id TEXT NOT NULL UNIQUE, customer_id TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS outbox_customer ON outbox (customer_id);
CREATE TABLE IF NOT EXISTS dead (
    mark TEXT PRIMARY KEY, position TEXT NOT NULL, rule TEXT NOT NULL, body {blob} NOT NULL, key TEXT, customer_id TEXT,
    at {real} NOT NULL, sent {whole} NOT NULL
) {plain};
"""
