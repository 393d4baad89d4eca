"""HOME/deliveries/NAME.db: what a destination acknowledged, what is on its way, what it refused; by keyed hash.

`member` is what it has of us, row by row as it acknowledged them; `origin` whether we added a member, or others had
before us; `pending` what it shall be sent, in batches, with how far each row got; `rejected` what it refused, in its
words; `stand` the segment that it last heard of a customer in; `event` changes of segment on their way, `unsure` those
that may have arrived, `listener` whose changes a vendor hears; `handover` what was handed to it. No id and no address
stands in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from features.spec.atomic import locked_file
from scoring.audiences.deliveries.delivery_record import DELIVERIES
from scoring.audiences.deliveries.handovers import HANDOVER_TABLES
from scoring.storage.sqlite import Reader, writing

_FIRST_TABLES = """
CREATE TABLE IF NOT EXISTS member (
    who BLOB PRIMARY KEY, digest TEXT NOT NULL, address BLOB NOT NULL, remote TEXT, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pending (
    who BLOB NOT NULL, op TEXT NOT NULL, digest TEXT NOT NULL, address BLOB NOT NULL, remote TEXT,
    batch INTEGER NOT NULL, stage INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (who, op)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pending_in_order ON pending (op, stage, batch, who);
CREATE TABLE IF NOT EXISTS rejected (
    who BLOB NOT NULL, op TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (who, op)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stand (
    who BLOB PRIMARY KEY, segment TEXT, since TEXT NOT NULL, n INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    who BLOB PRIMARY KEY, before TEXT, after TEXT, since TEXT NOT NULL, n INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID
"""
_ADDED_TABLES = (  # which ledgers of earlier homes lack
    "CREATE TABLE IF NOT EXISTS origin (who BLOB PRIMARY KEY, ours INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS unsure (who BLOB PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS listener (who BLOB PRIMARY KEY) WITHOUT ROWID",
    *HANDOVER_TABLES,
)
_TABLES = ";\n".join([_FIRST_TABLES, *_ADDED_TABLES])


class LedgerError(ValueError):
    """The ledger cannot be read or written, so nobody knows what a destination has."""


@contextmanager
def one_sync_at_a_time(home: Path, name: str) -> Iterator[None]:
    """One process at a time plans or syncs a destination, whose ledger has all its tables then.

    Raises:
        LedgerError: It cannot be written.
    """
    folder = home / DELIVERIES
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked_file(folder / f".{name}.lock"):
        if ledger_path(home, name).exists():
            with LedgerFile(home, name).writing() as connection:
                for statement in _ADDED_TABLES:
                    connection.execute(statement)
        yield


def ledger_path(home: Path, name: str) -> Path:
    """Where the ledger of a destination is."""
    return home / DELIVERIES / f"{name}.db"


class LedgerFile:
    """The file of one destination."""

    def __init__(self, home: Path, name: str) -> None:
        """Names the file, which is made when it is first written."""
        self.path = ledger_path(home, name)

    def ask(self, question: str, values: Sequence[str | int] = ()) -> list[tuple]:  # type: ignore[type-arg]  # as asked
        """The rows of an answer; none where there is no file. Raises LedgerError."""
        if not self.path.exists():
            return []
        try:
            return Reader(self.path).ask(question, values)
        except sqlite3.Error as error:
            raise LedgerError(f"{self.path.name} must be readable, got {type(error).__name__}.") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction. Raises LedgerError."""
        try:
            with writing(self.path, _TABLES) as connection:
                yield connection
        except sqlite3.Error as error:
            raise LedgerError(f"{self.path.name} must be writable, got {type(error).__name__}.") from error
