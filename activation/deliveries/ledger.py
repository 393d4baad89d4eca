"""The ledger of members: what a destination acknowledged, what is on its way, what it refused, and what we added."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from activation.deliveries.ledger_file import LedgerFile
from scoring.audiences.deliveries.handovers import FORGET_HANDOVERS, HAND_OVER, TAKE_BACK
from scoring.storage.sqlite import empty_log

Operation = Literal["remove", "upsert"]
OPERATIONS: tuple[Operation, ...] = ("remove", "upsert")  # in the order they are sent
WAITS = -1  # the step of a row of which it is not known what became of it: the next sync takes it up


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


@dataclass(frozen=True, slots=True)
class LeavingRows:
    """What is known of rows before they leave."""

    remotes: Mapping[bytes, str] = field(default_factory=dict)  # what the destination will call them, where known
    ours: Mapping[bytes, bool] = field(default_factory=dict)  # whether they are not there yet, where that is known
    handed: Mapping[bytes, str] = field(default_factory=dict)  # the names of what leaves of each


class DeliveryLedger(LedgerFile):
    """The members of one destination."""

    def members(self) -> dict[bytes, LedgerMember]:
        """What the destination has of us, by keyed hash."""
        found = self.ask("SELECT who, digest, address, remote, at FROM member")
        return {who: LedgerMember(*rest) for who, *rest in found}

    def pending(self) -> list[PendingRow]:
        """What is on its way, in batches."""
        question = "SELECT who, op, digest, address, remote, batch, stage, sent FROM pending ORDER BY batch, who"
        return [PendingRow(*row) for row in self.ask(question)]

    def next_batch(self, operation: Operation, stage: int, size: int) -> list[PendingRow]:
        """The next rows that stand before a step: before the first one a batch as it was planned, else so many."""
        first = stage == 0
        which = "AND batch = (SELECT MIN(batch) FROM pending WHERE op = ? AND stage = ?)" if first else ""
        question = (
            "SELECT who, op, digest, address, remote, batch, stage, sent FROM pending "  # noqa: S608 of our own parts
            f"WHERE op = ? AND stage = ? {which} ORDER BY batch, who LIMIT ?"
        )
        asked = (operation, stage, *((operation, stage) if first else ()), size)
        return [PendingRow(*row) for row in self.ask(question, asked)]

    def leaving(self) -> frozenset[bytes]:
        """Who is on the way out, by keyed hash."""
        return frozenset(who for (who,) in self.ask("SELECT who FROM pending WHERE op = 'remove'"))

    def rejected(self) -> list[RejectedRow]:
        """What it refused last."""
        return [RejectedRow(*row) for row in self.ask("SELECT who, op, reason, at FROM rejected")]

    def known(self, name: str) -> str | None:
        """A note that the destination left for its next run."""
        found = self.ask("SELECT value FROM known WHERE name = ?", (name,))
        return found[0][0] if found else None

    def note(self, name: str, value: str) -> None:
        """Keeps a note."""
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (name, value))

    def plan(self, rows: Sequence[PendingRow]) -> None:
        """Replaces what is on its way, and forgets earlier refusals: each refused row is tried anew."""
        with self.writing() as connection:
            connection.execute("DELETE FROM pending")
            connection.execute("DELETE FROM rejected")
            connection.executemany("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def mark_leaving(self, rows: Iterable[PendingRow], leaving: LeavingRows, *, at: float) -> None:
        """Notes that rows may arrive, before they leave.

        Whoever of them is no member to be after a kill is removed.
        """
        with self.writing() as connection:
            connection.executemany(
                "UPDATE pending SET sent = 1, remote = COALESCE(?, remote) WHERE who = ? AND op = ?",
                [(leaving.remotes.get(row.who), row.who, row.op) for row in rows],
            )
            connection.executemany("INSERT OR IGNORE INTO origin VALUES (?, ?)", leaving.ours.items())
            handed = [(who, "member", fields, at, at) for who, fields in leaving.handed.items()]
            connection.executemany(HAND_OVER, handed)

    def move_on(self, rows: Iterable[PendingRow], remotes: Mapping[bytes, str]) -> None:
        """Notes that the destination took a step of rows that have another to do."""
        with self.writing() as connection:
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
        with self.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?)", taken)
            removed = [row.who for row in rows if row.op == "remove"]
            self._without(connection, removed, at=at)
            self._done(connection, rows)

    def reject(
        self,
        rows: Collection[PendingRow],
        reasons: Mapping[bytes, str],
        *,
        unsure: Collection[bytes] = (),
        at: float,
    ) -> None:
        """Notes rows that the destination did not acknowledge; they are tried again by the next sync.

        Those of which it is not known whether they arrived stay on their way: whoever of them shall not be there any
        more is removed.
        """
        waiting = [row for row in rows if row.who in unsure]
        with self.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)",
                [(row.who, row.op, reasons[row.who], at) for row in rows],
            )
            connection.executemany(
                "UPDATE pending SET stage = ? WHERE who = ? AND op = ?", [(WAITS, row.who, row.op) for row in waiting]
            )
            refused = [row for row in rows if row.who not in unsure]
            connection.executemany(
                f"{TAKE_BACK} AND who NOT IN (SELECT who FROM member)",  # noqa: S608 a statement of ours
                [(at, row.who) for row in refused if row.op == "upsert"],
            )
            self._done(connection, refused)

    def others(self) -> frozenset[bytes]:
        """Members who were there before we added them, by keyed hash."""
        return frozenset(who for (who,) in self.ask("SELECT who FROM origin WHERE ours = 0"))

    def lose(self, gone: Collection[bytes], *, at: float) -> None:
        """Forgets members whom the destination does not have any more, or has of others."""
        with self.writing() as connection:
            self._without(connection, gone, at=at)

    def forget(self, gone: Collection[bytes]) -> None:
        """Removes all of customers that is not needed to remove them at the destination."""
        with self.writing() as connection:
            keys = [(who,) for who in gone]
            for table in ("rejected", "stand", "event", "unsure", "listener"):
                connection.executemany(f"DELETE FROM {table} WHERE who = ?", keys)  # noqa: S608 a table of ours
            connection.executemany(FORGET_HANDOVERS, keys)
        empty_log(self.path)

    def _done(self, connection: sqlite3.Connection, rows: Collection[PendingRow]) -> None:
        keys = [(row.who, row.op) for row in rows]
        connection.executemany("DELETE FROM pending WHERE who = ? AND op = ?", keys)

    def _without(self, connection: sqlite3.Connection, gone: Collection[bytes], *, at: float) -> None:
        keys = [(who,) for who in gone]
        connection.executemany("DELETE FROM member WHERE who = ?", keys)
        connection.executemany("DELETE FROM origin WHERE who = ?", keys)
        connection.executemany(TAKE_BACK, [(at, who) for who in gone])
