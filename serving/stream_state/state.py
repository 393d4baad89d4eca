"""The state of a stream in one SQLite file: what it took in, what it knows and what it has still to publish.

A batch is one transaction over all of it, so that after a kill each event is in the history once, and what is to be
published is neither lost nor made twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from features.spec.atomic import draft_of
from scoring.storage.sqlite import WRITE_SECONDS

Cell = str | float | int | bytes | None
_AT_ONCE = 500
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE claims (part TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE inbox (mark TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX inbox_at ON inbox (at);
CREATE TABLE history (
    number INTEGER PRIMARY KEY, contract TEXT NOT NULL, customer_id TEXT NOT NULL, content TEXT NOT NULL,
    mark TEXT, cells TEXT NOT NULL, record TEXT
);
CREATE INDEX history_customer ON history (customer_id, contract);
CREATE INDEX history_content ON history (content);
CREATE UNIQUE INDEX history_mark ON history (mark, contract) WHERE mark IS NOT NULL;
CREATE TABLE traits (
    contract TEXT NOT NULL, customer_id TEXT NOT NULL, cells TEXT NOT NULL, PRIMARY KEY (customer_id, contract)
) WITHOUT ROWID;
CREATE TABLE stands (
    customer_id TEXT PRIMARY KEY, segment TEXT, scores TEXT NOT NULL, at REAL NOT NULL, cause TEXT,
    published TEXT, published_at REAL NOT NULL, published_scores TEXT NOT NULL, n INTEGER NOT NULL,
    stored INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX stands_to_store ON stands (stored) WHERE stored = 0;
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, customer_id TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX outbox_customer ON outbox (customer_id);
CREATE TABLE dead (
    mark TEXT PRIMARY KEY, position TEXT NOT NULL, rule TEXT NOT NULL, body BLOB NOT NULL, key TEXT, customer_id TEXT,
    at REAL NOT NULL, sent INTEGER NOT NULL
) WITHOUT ROWID;
"""


class FencedError(Exception):
    """The partitions of a batch belong to a later generation of the group: what an old worker read is not written."""


class StreamState:
    """The file of one stream, which only its owner may read; made where there is none."""

    def __init__(self, path: Path) -> None:
        """Opens it.

        Raises:
            sqlite3.Error: It is none, or cannot be read.
        """
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with draft_of(path, mode=0o600, keep_existing=True) as draft:
                made = sqlite3.connect(draft)
                made.execute("PRAGMA journal_mode = WAL")
                made.executescript(_TABLES)
                made.close()
        self.path = path
        self._connection = sqlite3.connect(path, timeout=WRITE_SECONDS, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = FULL")  # what is acknowledged must outlive a power cut
        self._connection.execute("PRAGMA secure_delete = ON")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nobody else writes meanwhile.

        Raises:
            sqlite3.Error: It cannot be written, and is as it was.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def ask(self, question: str, values: Sequence[Cell] = ()) -> list[tuple[Cell, ...]]:
        """Every row of an answer."""
        return self._connection.execute(question, values).fetchall()

    def ask_of(self, question: str, values: Sequence[Cell], before: Sequence[Cell] = ()) -> Iterator[tuple[Cell, ...]]:
        """The rows of a question with an `IN {}` at its end, after the values `before`."""
        for start in range(0, len(values), _AT_ONCE):
            some = values[start : start + _AT_ONCE]
            yield from self.ask(question.format(f"({','.join('?' * len(some))})"), [*before, *some])

    def write(self, change: str, rows: Iterator[Sequence[Cell]] | Sequence[Sequence[Cell]]) -> int:
        """Makes a change for each row; returns how many rows of the file it touched."""
        return self._connection.executemany(change, rows).rowcount

    def claim(self, parts: Sequence[str], generation: int) -> None:
        """Within a transaction: the partitions are this generation's.

        Raises:
            FencedError: One of them is a later one's.
        """
        known = self.ask_of("SELECT generation FROM claims WHERE part IN {}", parts)
        if any(isinstance(found, int) and found > generation for (found,) in known):
            raise FencedError
        self.write("INSERT OR REPLACE INTO claims VALUES (?, ?)", [(part, generation) for part in parts])

    def noted(self, name: str) -> str | None:
        """What was noted under a name."""
        found = self.ask("SELECT value FROM meta WHERE name = ?", [name])
        return str(found[0][0]) if found else None

    def note(self, name: str, value: str) -> None:
        """Notes it."""
        self.write("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(name, value)])

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()
