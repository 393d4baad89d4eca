"""HOME/contact_stops.db: whom tools that send report as unsubscribed, complaining or beyond reach, by keyed hash.

Whoever is in it is on no list of that channel. It is no objection to being scored: that is the suppression list.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal

from features.spec.suppression_list import SuppressionError, keyed, read_key
from scoring.storage.sqlite import Reader, writing

FILE = "contact_stops.db"
StopKind = Literal["unsubscribe", "complaint", "bounce"]
_TABLES = """
CREATE TABLE IF NOT EXISTS stopped (
    who BLOB NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (who, channel)
) WITHOUT ROWID
"""


def add_stops(home: Path, channel: str, stops: Collection[tuple[bytes, StopKind]], *, source: str, at: float) -> int:
    """Notes who is sent no more by a channel; returns how many are new.

    Args:
        home: Whose.
        channel: As the consent is of.
        stops: The keyed hash of each, and why.
        source: The name of the destination that reports them.
        at: Seconds since the epoch.

    Raises:
        SuppressionError: It cannot be written, and is as it was.
    """
    if not stops:
        return 0
    rows = [(who, channel, kind, source, at) for who, kind in stops]
    try:
        with writing(home / FILE, _TABLES) as connection:
            return max(connection.executemany("INSERT OR IGNORE INTO stopped VALUES (?, ?, ?, ?, ?)", rows).rowcount, 0)
    except sqlite3.Error as error:
        raise SuppressionError(f"{FILE} must be writable, got {type(error).__name__}.") from error


def merge_stops(home: Path, copy: Path) -> int:
    """Adds the stops of a copy of the file that the home's own lacks, as after a backup was put back; returns how many.

    Raises:
        sqlite3.Error: The copy cannot be read, or the home's cannot be written and is as it was.
    """
    rows = Reader(copy).ask("SELECT who, channel, kind, source, at FROM stopped")
    with writing(home / FILE, _TABLES) as connection:
        return max(connection.executemany("INSERT OR IGNORE INTO stopped VALUES (?, ?, ?, ?, ?)", rows).rowcount, 0)


def stopped_among(home: Path, customers: Iterable[str], channel: str) -> frozenset[str]:
    """Those of some customers who are sent no more by a channel.

    Raises:
        SuppressionError: The list or its key cannot be read, so nobody may be addressed.
    """
    if not (home / FILE).exists():
        return frozenset()
    try:
        stopped = {who for (who,) in Reader(home / FILE).ask("SELECT who FROM stopped WHERE channel = ?", (channel,))}
    except sqlite3.Error as error:
        raise SuppressionError(f"{FILE} must be readable, got {type(error).__name__}.") from error
    if not stopped:
        return frozenset()
    key = read_key(home)
    return frozenset(customer for customer in customers if keyed(key, customer) in stopped)
