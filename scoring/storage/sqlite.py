"""Small SQLite files beside the releases: many read, one writes, what is deleted is gone from the disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from features.spec.atomic import draft_of

READ_SECONDS = 0.25  # a reader's patience: it may stand on the loop that answers everybody
WRITE_SECONDS = 10.0
_AT_ONCE = 500  # ids in one question


class Reader:
    """Asks one file from any thread, each over a connection of its own that can only read.

    Whoever is done with it lets go of it: its connections end with it, whichever thread made them.
    """

    def __init__(self, path: Path) -> None:
        self._opened: list[sqlite3.Connection] = []
        self._address = f"{path.resolve().as_uri()}?mode=ro"
        self._threads = threading.local()

    def __del__(self) -> None:
        """Closes its connections: each is part of a cycle, so that only the collector would, much later."""
        for connection in self._opened:
            connection.close()

    def ask(self, question: str, values: Sequence[Any] = ()) -> list[Any]:
        """Every row of an answer.

        Raises:
            sqlite3.Error: The file cannot be read now.
        """
        if not hasattr(self._threads, "connection"):
            connection = sqlite3.connect(self._address, uri=True, timeout=READ_SECONDS, check_same_thread=False)
            self._opened.append(connection)
            self._threads.connection = connection
        rows: list[Any] = self._threads.connection.execute(question, values).fetchall()
        return rows

    def ask_of(self, question: str, values: Sequence[Any]) -> Iterator[Any]:
        """The rows of a question that ends in `IN {}`, asked of some hundred values at a time."""
        for start in range(0, len(values), _AT_ONCE):
            some = values[start : start + _AT_ONCE]
            yield from self.ask(question.format(f"({','.join('?' * len(some))})"), some)


@contextmanager
def writing(path: Path, tables: str) -> Iterator[sqlite3.Connection]:
    """A transaction on a file that only its owner may read; where there is none it is made, with its tables.

    Raises:
        sqlite3.Error: It cannot be written, and is as it was.
    """
    if not path.exists():
        _make(path, tables)
    with closing(sqlite3.connect(path, timeout=WRITE_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _make(path: Path, tables: str) -> None:
    """Makes the file whole under another name first: nobody ever reads one that lacks its tables."""
    with draft_of(path, mode=0o600, keep_existing=True) as draft, closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(tables)


def scrub(path: Path) -> None:
    """Writes a file anew from what it still holds, and empties its log: nothing deleted is left in either.

    Raises:
        sqlite3.Error: It cannot be done now; what was deleted may still be readable on the disk.
    """
    with closing(sqlite3.connect(path, timeout=WRITE_SECONDS, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("VACUUM")
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise sqlite3.OperationalError("The log could not be emptied: somebody reads it.")


def empty_log(path: Path) -> None:
    """Empties the log of a file whose last writer was killed, of what it had not committed too; else does nothing."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
