"""Customers whose erasure was answered and whose bytes are still to be written over; nobody is given theirs meanwhile.

HOME/erasures.db names them until that is done: to delete rows their ids are needed. Only its owner may read it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from scoring.storage.sqlite import Reader, scrub, writing

FILE = "erasures.db"
_TABLES = """
CREATE TABLE IF NOT EXISTS pending (
    customer_id TEXT PRIMARY KEY, at REAL NOT NULL, store INTEGER NOT NULL, decisions INTEGER NOT NULL
) WITHOUT ROWID
"""
_PUT = """
INSERT INTO pending VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
at = max(at, excluded.at), store = max(store, excluded.store), decisions = max(decisions, excluded.decisions)
"""
_PLACES = ("store", "decisions")
Rows = Mapping[str, int]  # by place: whether a customer has, or had, rows there since the last rewriting


class PendingErasures:
    """Who is pending in a home; asked anew each time, so that an erasure counts at once."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._reader: Reader | None = None

    def among(self, customers: Iterable[str]) -> frozenset[str]:
        """Those of some customers who are pending.

        Raises:
            sqlite3.Error: It cannot be read now.
        """
        if self._reader is None:
            if not self._path.exists():
                return frozenset()
            self._reader = Reader(self._path)
        found = self._reader.ask_of("SELECT customer_id FROM pending WHERE customer_id IN {}", list(customers))
        return frozenset(customer for (customer,) in found)


def pending_of(home: Path) -> dict[str, tuple[float, Rows]]:
    """Every pending customer: the moment of the erasure, and where there are bytes to write over."""
    if not (home / FILE).exists():
        return {}
    rows = Reader(home / FILE).ask("SELECT customer_id, at, store, decisions FROM pending")
    return {customer: (at, dict(zip(_PLACES, places, strict=True))) for customer, at, *places in rows}


def add(home: Path, customers: Mapping[str, tuple[float, Rows]]) -> None:
    """Notes customers as pending, each with what `pending_of` gives.

    Raises:
        sqlite3.Error: It cannot be written, and is as it was.
    """
    with writing(home / FILE, _TABLES) as connection:
        places = ((customer, at, *(rows[place] for place in _PLACES)) for customer, (at, rows) in customers.items())
        connection.executemany(_PUT, places)


def clear(home: Path, done: Collection[tuple[str, float]]) -> None:
    """Forgets customers whose erasure of that moment is done, to the last byte. Raises as `add` does."""
    with writing(home / FILE, _TABLES) as connection:
        connection.executemany("DELETE FROM pending WHERE customer_id = ? AND at = ?", done)
    scrub(home / FILE)
