"""Who was on which list when: HOME/contact_history.db, by keyed hash of the id, so that it names nobody."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from features.spec.atomic import locked_file
from features.spec.suppression_list import keyed, read_key
from scoring.audiences.pressure.pressure_rules import PressureError
from scoring.privacy.suppression import own_key
from scoring.storage.sqlite import Reader, empty_log, writing

FILE = "contact_history.db"
_LOCK = ".contact_history.lock"
_TABLES = """
CREATE TABLE IF NOT EXISTS contact (
    who BLOB NOT NULL, list TEXT NOT NULL, what TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (who, list)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_moment ON contact (at)
"""


class ListIdentity(msgspec.Struct, frozen=True):
    """What makes a list the same one again: made twice of one day it is one contact."""

    as_of: str
    what: str  # the use case, or the segment
    stated: dict[str, str | int | float | None]  # whom it is of, and the hold-out

    @property
    def digest(self) -> str:
        """What stands for it in the history."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]


class ListContact(msgspec.Struct, frozen=True):
    """A list that a customer was on."""

    at: float  # seconds since the epoch
    what: str


@contextmanager
def one_list_at_a_time(home: Path) -> Iterator[None]:
    """Lists of a home are made and left one after the other: none counts on customers whom another is taking."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked_file(home / _LOCK):
        yield


@contextmanager
def _readable(done: str) -> Iterator[None]:
    """Nobody leaves on a list while nobody knows how often they did."""
    try:
        yield
    except sqlite3.Error as error:
        raise PressureError(f"The contact history must be {done} for each list, got {type(error).__name__}.") from error


def record_contacts(home: Path, listed: ListIdentity, customers: Sequence[str], *, at: datetime) -> None:
    """Notes who is on a list that is about to leave; the retention rules say how long it is remembered.

    Raises:
        PressureError: It cannot be written, and is as it was.
        SuppressionError: The home's key cannot be read.
    """
    key, moment = own_key(home), at.timestamp()
    rows = [(keyed(key, customer), listed.digest, listed.what, moment) for customer in customers]
    with _readable("written"), writing(home / FILE, _TABLES) as connection:
        connection.executemany("INSERT OR IGNORE INTO contact VALUES (?, ?, ?, ?)", rows)


def contact_counts(home: Path, since: datetime, *, but: ListIdentity | None) -> dict[bytes, int]:
    """On how many lists customers were from a moment on, by keyed hash; one list does not count.

    Raises:
        PressureError: The history cannot be read now.
    """
    if not (home / FILE).exists():
        return {}
    question = "SELECT who, COUNT(*) FROM contact WHERE at > ? AND list <> ? GROUP BY who"
    with _readable("read"):
        return dict(Reader(home / FILE).ask(question, (since.timestamp(), but.digest if but else "")))


def contacts_of_customers(home: Path, customers: Collection[str]) -> dict[str, list[ListContact]]:
    """The lists that some customers were on, the earliest first.

    Raises:
        sqlite3.Error: The history cannot be read now.
        SuppressionError: The home's key cannot be read.
    """
    if not (home / FILE).exists():
        return {}
    key = read_key(home)
    named = {keyed(key, customer): customer for customer in customers}
    found: dict[str, list[ListContact]] = {}
    for who, at, what in Reader(home / FILE).ask_of("SELECT who, at, what FROM contact WHERE who IN {}", list(named)):
        found.setdefault(named[who], []).append(ListContact(at, what))
    return {customer: sorted(contacts, key=lambda one: one.at) for customer, contacts in found.items()}


def forget_contacts(home: Path, customers: Collection[str]) -> None:
    """Removes all that is remembered of some customers; raises as `forget_hashes`, and `SuppressionError`."""
    if (home / FILE).exists():
        key = read_key(home)
        forget_hashes(home, [keyed(key, customer) for customer in customers])


def count_before(home: Path, moment: datetime) -> int:
    """How many contacts are from before a moment.

    Raises:
        sqlite3.Error: The history cannot be read now.
    """
    if not (home / FILE).exists():
        return 0
    return int(Reader(home / FILE).ask("SELECT COUNT(*) FROM contact WHERE at < ?", (moment.timestamp(),))[0][0])


def forget_hashes(home: Path, hashes: Collection[bytes], *, before: datetime | None = None) -> int:
    """Removes customers by their hashes, and what is from before a moment; returns how many contacts went.

    Raises:
        sqlite3.Error: It cannot be written, and is as it was.
    """
    if not (home / FILE).exists():
        return 0
    with writing(home / FILE, _TABLES) as connection:
        gone = connection.executemany("DELETE FROM contact WHERE who = ?", [(who,) for who in hashes]).rowcount
        old = connection.execute("DELETE FROM contact WHERE at < ?", (before.timestamp() if before else 0.0,)).rowcount
    empty_log(home / FILE)
    return max(gone, 0) + max(old, 0)
