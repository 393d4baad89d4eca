"""The ledger of changes of segment: what a destination heard last, what is on its way, and what may have arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from activation.deliveries.ledger_file import LedgerFile
from scoring.audiences.deliveries.handovers import HAND_OVER

_HANDED = "customer_id,from,to,why,versions"  # what leaves with a change


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


class SegmentLedger(LedgerFile):
    """The changes of one destination."""

    def stands(self) -> dict[bytes, Stand]:
        """Where the destination last heard customers to be."""
        return {who: Stand(*rest) for who, *rest in self.ask("SELECT who, segment, since, n FROM stand")}

    def events(self) -> list[SegmentEvent]:
        """The changes that are on their way."""
        return [SegmentEvent(*row) for row in self.ask("SELECT who, before, after, since, n FROM event ORDER BY who")]

    def unsure(self) -> frozenset[bytes]:
        """Whose change may have arrived without an answer."""
        return frozenset(who for (who,) in self.ask("SELECT who FROM unsure"))

    def listeners(self) -> frozenset[bytes]:
        """Who was in the audience when a vendor last heard of them: it shall hear of their exit."""
        return frozenset(who for (who,) in self.ask("SELECT who FROM listener"))

    def plan(
        self, events: Sequence[SegmentEvent], stands: Mapping[bytes, Stand], listeners: Collection[bytes] = ()
    ) -> None:
        """Replaces the changes that are on their way, and notes where customers are of whom nothing is said."""
        with self.writing() as connection:
            rows = [(who, *stand) for who, stand in stands.items()]
            connection.executemany("INSERT OR REPLACE INTO stand VALUES (?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR IGNORE INTO listener VALUES (?)", [(who,) for who in listeners])
            connection.execute("DELETE FROM event")
            connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?)", events)
            connection.execute("DELETE FROM unsure WHERE who NOT IN (SELECT who FROM event)")

    def mark_leaving(self, events: Collection[SegmentEvent], *, at: float) -> None:
        """Notes that changes may arrive, before they leave."""
        with self.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO unsure VALUES (?)", [(one.who,) for one in events])
            connection.executemany(HAND_OVER, [(one.who, "change", _HANDED, at, at) for one in events])

    def acknowledge(self, events: Collection[SegmentEvent], *, gone: Collection[bytes] = ()) -> None:
        """Notes changes that the destination took, or that are not for it any more.

        Args:
            events: The changes.
            gone: Who is not in the audience any more, and has been heard of for the last time.
        """
        keys = [(one.who,) for one in events]
        with self.writing() as connection:
            rows = [(one.who, one.after, one.since, one.n) for one in events]
            connection.executemany("INSERT OR REPLACE INTO stand VALUES (?, ?, ?, ?)", rows)
            connection.executemany("DELETE FROM event WHERE who = ?", keys)
            connection.executemany("DELETE FROM unsure WHERE who = ?", keys)
            connection.executemany("DELETE FROM listener WHERE who = ?", [(who,) for who in gone])
