"""HOME/deliveries/NAME.db: what a destination acknowledged, what is on its way, what it refused; by keyed hash.

`member` is what it has of us, row by row as it acknowledged them; `pending` what it shall be sent, in batches, with how
far each row got; `rejected` what it refused, in its words; `stand` the segment that it last heard of a customer in;
`event` changes of segment on their way. No id and no address stands in it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from features.spec.atomic import locked_file
from scoring.audiences.deliveries.delivery_record import DELIVERIES
from scoring.storage.sqlite import Reader, empty_log, writing

Operation = Literal["remove", "upsert"]
OPERATIONS: tuple[Operation, ...] = ("remove", "upsert")  # in the order they are sent
_TABLES = """
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


class LedgerError(ValueError):
    """The ledger cannot be read or written, so nobody knows what a destination has."""


class LedgerMember(NamedTuple):
    """A row that a destination acknowledged."""

    digest: str  # of what it was sent
    address: bytes  # the keyed hash of the address
    remote: str | None  # what it calls the member, where that is no address
    at: float = 0.0  # when, in seconds since the epoch


class PendingRow(NamedTuple):
    """A row on its way."""

    who: bytes
    op: Operation
    digest: str
    address: bytes
    remote: str | None
    batch: int
    stage: int  # how many of the destination's steps it has done
    sent: int  # whether it may have arrived


class RejectedRow(NamedTuple):
    """A row that a destination refused."""

    who: bytes
    op: str
    reason: str
    at: float


class Stand(NamedTuple):
    """The segment that a destination last heard of a customer in."""

    segment: str | None
    since: str  # ISO date
    n: int  # how many changes it heard of


class SegmentEvent(NamedTuple):
    """A change of segment on its way."""

    who: bytes
    before: str | None
    after: str | None
    since: str
    n: int


@contextmanager
def one_sync_at_a_time(home: Path, name: str) -> Iterator[None]:
    """One process at a time plans or syncs a destination."""
    folder = home / DELIVERIES
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked_file(folder / f".{name}.lock"):
        yield


class DeliveryLedger:
    """The ledger of one destination."""

    def __init__(self, home: Path, name: str) -> None:
        """Names the file, which is made when it is first written."""
        self._path = home / DELIVERIES / f"{name}.db"

    def members(self) -> dict[bytes, LedgerMember]:
        """What the destination has of us, by keyed hash."""
        found = self._ask("SELECT who, digest, address, remote, at FROM member")
        return {who: LedgerMember(*rest) for who, *rest in found}

    def pending(self) -> list[PendingRow]:
        """What is on its way, in batches."""
        question = "SELECT who, op, digest, address, remote, batch, stage, sent FROM pending ORDER BY batch, who"
        return [PendingRow(*row) for row in self._ask(question)]

    def next_batch(self, operation: Operation, stage: int, size: int) -> list[PendingRow]:
        """The next rows that stand before a step: before the first one a batch as it was planned, else so many."""
        first = stage == 0
        which = "AND batch = (SELECT MIN(batch) FROM pending WHERE op = ? AND stage = ?)" if first else ""
        question = (
            "SELECT who, op, digest, address, remote, batch, stage, sent FROM pending "  # noqa: S608 of our own parts
            f"WHERE op = ? AND stage = ? {which} ORDER BY batch, who LIMIT ?"
        )
        asked = (operation, stage, *((operation, stage) if first else ()), size)
        return [PendingRow(*row) for row in self._ask(question, asked)]

    def leaving(self) -> frozenset[bytes]:
        """Who is on the way out, by keyed hash."""
        return frozenset(who for (who,) in self._ask("SELECT who FROM pending WHERE op = 'remove'"))

    def rejected(self) -> list[RejectedRow]:
        """What it refused last."""
        return [RejectedRow(*row) for row in self._ask("SELECT who, op, reason, at FROM rejected")]

    def known(self, name: str) -> str | None:
        """A note that the destination left for its next run."""
        found = self._ask("SELECT value FROM known WHERE name = ?", (name,))
        return found[0][0] if found else None

    def note(self, name: str, value: str) -> None:
        """Keeps a note."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (name, value))

    def plan(self, rows: Sequence[PendingRow]) -> None:
        """Replaces what is on its way, and forgets earlier refusals: each refused row is tried anew."""
        with self._writing() as connection:
            connection.execute("DELETE FROM pending")
            connection.execute("DELETE FROM rejected")
            connection.executemany("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def mark_sent(self, rows: Iterable[PendingRow], remotes: Mapping[bytes, str]) -> None:
        """Notes that rows may arrive, before they leave, with what the destination will call them where that is known.

        Whoever of them is no member to be after a kill is removed.
        """
        with self._writing() as connection:
            connection.executemany(
                "UPDATE pending SET sent = 1, remote = COALESCE(?, remote) WHERE who = ? AND op = ?",
                [(remotes.get(row.who), row.who, row.op) for row in rows],
            )

    def move_on(self, rows: Iterable[PendingRow], remotes: Mapping[bytes, str]) -> None:
        """Notes that the destination took a step of rows that have another to do."""
        with self._writing() as connection:
            connection.executemany(
                "UPDATE pending SET stage = ?, remote = COALESCE(?, remote) WHERE who = ? AND op = ?",
                [(row.stage + 1, remotes.get(row.who), row.who, row.op) for row in rows],
            )

    def acknowledge(self, rows: Collection[PendingRow], remotes: Mapping[bytes, str], *, at: float) -> None:
        """Notes rows that the destination took: the only way that `member` changes to what was sent."""
        taken = [
            (row.who, row.digest, row.address, remotes.get(row.who, row.remote), at)
            for row in rows
            if row.op == "upsert"
        ]
        with self._writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?)", taken)
            removed = [(row.who,) for row in rows if row.op == "remove"]
            connection.executemany("DELETE FROM member WHERE who = ?", removed)
            self._done(connection, rows)

    def reject(self, rows: Collection[PendingRow], reasons: Mapping[bytes, str], *, at: float) -> None:
        """Notes rows that the destination refused; they are tried again by the next sync."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)",
                [(row.who, row.op, reasons[row.who], at) for row in rows],
            )
            self._done(connection, rows)

    def lose(self, gone: Collection[bytes]) -> None:
        """Forgets members whom the destination does not have any more."""
        with self._writing() as connection:
            connection.executemany("DELETE FROM member WHERE who = ?", [(who,) for who in gone])

    def stands(self) -> dict[bytes, Stand]:
        """Where the destination last heard customers to be."""
        return {who: Stand(*rest) for who, *rest in self._ask("SELECT who, segment, since, n FROM stand")}

    def begin_stands(self, stands: Mapping[bytes, Stand]) -> None:
        """Notes where customers are of whom it has heard nothing, without a word to it."""
        with self._writing() as connection:
            rows = [(who, *stand) for who, stand in stands.items()]
            connection.executemany("INSERT OR IGNORE INTO stand VALUES (?, ?, ?, ?)", rows)

    def plan_events(self, events: Sequence[SegmentEvent]) -> None:
        """Replaces the changes that are on their way."""
        with self._writing() as connection:
            connection.execute("DELETE FROM event")
            connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?)", events)

    def events(self) -> list[SegmentEvent]:
        """The changes that are on their way."""
        return [SegmentEvent(*row) for row in self._ask("SELECT who, before, after, since, n FROM event ORDER BY who")]

    def acknowledge_events(self, events: Collection[SegmentEvent]) -> None:
        """Notes changes that the destination took."""
        with self._writing() as connection:
            rows = [(one.who, one.after, one.since, one.n) for one in events]
            connection.executemany("INSERT OR REPLACE INTO stand VALUES (?, ?, ?, ?)", rows)
            connection.executemany("DELETE FROM event WHERE who = ?", [(one.who,) for one in events])

    def forget(self, gone: Collection[bytes]) -> None:
        """Removes all of customers that is not needed to remove them at the destination."""
        with self._writing() as connection:
            keys = [(who,) for who in gone]
            connection.executemany("DELETE FROM rejected WHERE who = ?", keys)
            connection.executemany("DELETE FROM stand WHERE who = ?", keys)
            connection.executemany("DELETE FROM event WHERE who = ?", keys)
        empty_log(self._path)

    def _done(self, connection: sqlite3.Connection, rows: Collection[PendingRow]) -> None:
        keys = [(row.who, row.op) for row in rows]
        connection.executemany("DELETE FROM pending WHERE who = ? AND op = ?", keys)

    def _ask(self, question: str, values: Sequence[str | int] = ()) -> list[tuple]:  # type: ignore[type-arg]  # as asked
        if not self._path.exists():
            return []
        try:
            return Reader(self._path).ask(question, values)
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path.name} must be readable, got {type(error).__name__}.") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with writing(self._path, _TABLES) as connection:
                yield connection
        except sqlite3.Error as error:
            raise LedgerError(f"{self._path.name} must be writable, got {type(error).__name__}.") from error
