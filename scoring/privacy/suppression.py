"""The suppression list: who objected to being scored, as keyed hashes, so that the list itself names nobody.

HOME/suppressed.db holds HMAC-SHA256 of customers' ids under the key in HOME/customers.key. Of those who were erased it
keeps the same kind of hash and the moment: enough to know that it was done, and not to take them in again by mistake.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from features.spec.atomic import draft_of
from features.spec.ids import read_id
from features.spec.suppression_list import (
    FILE,
    KEY_BYTES,
    KEY_FILE,
    ONE_READING,
    SuppressionError,
    keyed,
    read_key,
    spellings,
)
from scoring.storage.sqlite import Reader, writing

__all__ = [
    "FILE",
    "KEY_FILE",
    "TRAIL_FILE",
    "Suppression",
    "SuppressionError",
    "add",
    "count",
    "count_erased",
    "erased_hashes",
    "mark_again",
    "mark_erased",
    "marks_of",
    "open_suppression",
    "own_key",
    "remove",
]
TRAIL_FILE = "trail.jsonl"  # its hashes are under the same key: see `audit_trail`
_TABLES = f"""
CREATE TABLE IF NOT EXISTS suppressed (who BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased (who BLOB PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {ONE_READING}
"""

_SUPPRESS = "INSERT OR IGNORE INTO suppressed VALUES (?)"
_TAKE_OFF = "DELETE FROM suppressed WHERE who = ?"
_ERASE = "INSERT INTO erased VALUES (?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)"


class Suppression:
    """The list of a home; asked anew each time, so that an objection counts at once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._reader = Reader(home / FILE)
        self._key = b""

    def among(self, customers: Iterable[str]) -> frozenset[str]:
        """Those of some customers who objected.

        Raises:
            SuppressionError: The list or its key cannot be read.
        """
        found = self._find("SELECT who, 0 FROM suppressed WHERE who IN {}", customers)
        return frozenset(found)

    def erased(self, customers: Iterable[str]) -> dict[str, float]:
        """When those of some customers who were erased were, in seconds since the epoch.

        Raises:
            SuppressionError: The list or its key cannot be read.
        """
        return self._find("SELECT who, at FROM erased WHERE who IN {}", customers)

    def digest(self) -> str:
        """Another whenever the list is: an answer made before an objection must not be given after it.

        Raises:
            SuppressionError: The list cannot be read.
        """
        try:
            listed = self._reader.ask("SELECT who FROM suppressed ORDER BY who")
        except sqlite3.Error as error:
            raise SuppressionError(f"{FILE} must be readable, got {type(error).__name__}.") from error
        return hashlib.sha256(b"".join(who for (who,) in listed)).hexdigest()

    def _find(self, question: str, customers: Iterable[str]) -> dict[str, float]:
        try:
            self._key = self._key or read_key(self._home)
            version = self._reader.ask("PRAGMA user_version")[0][0]
            named: dict[bytes, list[str]] = {}
            for customer in customers:
                for spelled in spellings(customer, version):
                    named.setdefault(keyed(self._key, spelled), []).append(customer)
            found: dict[str, float] = {}
            for who, at in self._reader.ask_of(question, list(named)):
                found |= {customer: max(at, found.get(customer, at)) for customer in named[who]}
            return found
        except sqlite3.Error as error:
            raise SuppressionError(f"{FILE} must be readable, got {type(error).__name__}.") from error


def open_suppression(home: Path) -> Suppression | None:
    """The list of a home; None where there is none."""
    return Suppression(home) if (home / FILE).exists() else None


def add(home: Path, customers: Collection[str]) -> int:
    """Puts customers on the list; returns how many are new.

    Raises:
        SuppressionError: The list has lost its key.
        sqlite3.Error: It cannot be written, and is as it was.
    """
    return _write(home, _SUPPRESS, [(who,) for who in _all_keyed(home, customers)])


def remove(home: Path, customers: Collection[str]) -> int:
    """Takes customers off the list; returns how many were on it. Raises as `add` does."""
    spelled = [one for customer in customers for one in spellings(customer, version=0)]
    return _write(home, _TAKE_OFF, [(who,) for who in _all_keyed(home, spelled, as_is=True)])


def mark_erased(home: Path, customers: Collection[str], *, at: float) -> None:
    """Notes that customers were erased at a moment, in seconds since the epoch; a later one stays. Raises as `add`."""
    rows = [(who, at) for who in _all_keyed(home, customers)]
    _write(home, _ERASE, rows)


Marks = tuple[dict[bytes, float], frozenset[bytes]]  # when everybody was erased, and who is on the list, by hash


def marks_of(home: Path) -> Marks:
    """All marks of the list.

    Raises:
        sqlite3.Error: It cannot be read.
    """
    return erased_hashes(home), _suppressed_hashes(home)


def mark_again(
    home: Path, found: Marks, *, erased: Mapping[bytes, float], objecting: Mapping[bytes, bool]
) -> frozenset[bytes]:
    """Puts marks by hash as they have to be; returns the hashes of whom one was missing.

    Args:
        home: Whose list it is.
        found: Its marks, read before what says how they have to be: what was written between the two is in the latter.
        erased: By hash when each was erased, in seconds since the epoch.
        objecting: By hash whether each is on the list.

    Raises:
        SuppressionError: The list has lost its key.
        sqlite3.Error: It cannot be read or written, and is as it was.
    """
    own_key(home)
    marked, listed = found
    missing = {who for who, at in erased.items() if marked.get(who, 0.0) < at}
    wrong = {who for who, on in objecting.items() if (who in listed) != on}
    if missing or wrong:
        with writing(home / FILE, _TABLES) as connection:
            connection.executemany(_ERASE, [(who, erased[who]) for who in missing])
            connection.executemany(_SUPPRESS, [(who,) for who in wrong if objecting[who]])
            connection.executemany(_TAKE_OFF, [(who,) for who in wrong if not objecting[who]])
    return frozenset(missing | wrong)


def erased_hashes(home: Path) -> dict[bytes, float]:
    """When everybody was erased who was, by hash, in seconds since the epoch.

    Raises:
        sqlite3.Error: The list cannot be read.
    """
    return dict(Reader(home / FILE).ask("SELECT who, at FROM erased")) if (home / FILE).exists() else {}


def _suppressed_hashes(home: Path) -> frozenset[bytes]:
    found = Reader(home / FILE).ask("SELECT who FROM suppressed") if (home / FILE).exists() else []
    return frozenset(who for (who,) in found)


def count(home: Path) -> int:
    """How many are on the list."""
    return Reader(home / FILE).ask("SELECT COUNT(*) FROM suppressed")[0][0] if (home / FILE).exists() else 0


def count_erased(home: Path, since: float) -> int:
    """How many were erased from a moment on, in seconds since the epoch.

    Raises:
        SuppressionError: The list cannot be read.
    """
    try:
        found = (
            Reader(home / FILE).ask("SELECT COUNT(*) FROM erased WHERE at >= ?", (since,))
            if (home / FILE).exists()
            else [(0,)]
        )
    except sqlite3.Error as error:
        raise SuppressionError(f"{FILE} must be readable, got {type(error).__name__}.") from error
    return int(found[0][0])


def own_key(home: Path) -> bytes:
    """The key of a home, made where it has neither one nor a list or a trail, whose hashes another would not find.

    Raises:
        SuppressionError: They have lost their key.
    """
    if not any((home / name).exists() for name in (FILE, KEY_FILE, TRAIL_FILE)):
        _make_key(home)
    return read_key(home)


def _write(home: Path, change: str, rows: Sequence[tuple[bytes | float, ...]]) -> int:
    with writing(home / FILE, _TABLES) as connection:
        return connection.executemany(change, rows).rowcount


def _all_keyed(home: Path, customers: Collection[str], *, as_is: bool = False) -> list[bytes]:
    """The hashes of customers, of their texts `as_is`; makes the key where there is no list that has one."""
    key = own_key(home)
    return [keyed(key, customer if as_is else read_id(customer) or customer) for customer in customers]


def _make_key(home: Path) -> None:
    with draft_of(home / KEY_FILE, mode=0o600, keep_existing=True) as draft:  # of several makers the first key counts
        draft.write_bytes(secrets.token_bytes(KEY_BYTES))
