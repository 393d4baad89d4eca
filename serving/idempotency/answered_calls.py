"""HOME/answered.db: which calls with an idempotency key were answered, and with what; kept for a day.

Keys and bodies stand there as keyed hashes. An answer that names a customer who is erased goes at once; that the call
was answered stays known.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from scoring.privacy.suppression import open_suppression
from scoring.storage.sqlite import Reader, empty_log, writing

FILE = "answered.db"
KEPT_SECONDS = 24 * 3600.0
ABANDONED_SECONDS = 120.0  # after which a call that did not end was broken off, with its process
MOST_BYTES = 256 * 1024 * 1024  # of answers, compressed: above it the oldest go
_TABLES = """
CREATE TABLE IF NOT EXISTS calls (
    who BLOB PRIMARY KEY, asked BLOB NOT NULL, at REAL NOT NULL, ended INTEGER NOT NULL, answer BLOB
);
CREATE INDEX IF NOT EXISTS calls_at ON calls (at)
"""
_FIND = "SELECT asked, at, ended, answer FROM calls WHERE who = ?"
_BEGIN = "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, 0, NULL)"
_END = "UPDATE calls SET ended = 1, answer = ? WHERE who = ?"
_TRIM = """
DELETE FROM calls WHERE rowid IN (
    SELECT rowid FROM (SELECT rowid, sum(length(answer)) OVER (ORDER BY at DESC, rowid DESC) AS kept FROM calls)
    WHERE kept > ?
)
"""


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """A call of the same key."""

    same: bool  # whether its route and body were the same
    ended: bool
    answer: bytes | None  # None: under way, or it named somebody who was erased since


class _Listed(msgspec.Struct):
    customer_id: str | int = ""


class _Naming(msgspec.Struct):
    """Where answers name customers."""

    customer_id: str = ""
    customers: tuple[_Listed, ...] = ()
    holdout_ids: tuple[str, ...] = ()


_NAMING = msgspec.json.Decoder(_Naming)


def begin(home: Path, who: bytes, asked: bytes) -> EarlierCall | None:
    """Notes that a call is under way; the earlier one of the same key where there is one that counts.

    Args:
        home: Whose file.
        who: The keyed hash of caller and key.
        asked: The keyed hash of route and body.

    Raises:
        sqlite3.Error: The file cannot be written now.
    """
    now = time.time()
    with writing(home / FILE, _TABLES) as connection:
        found = connection.execute(_FIND, (who,)).fetchone()
        if found is not None and (earlier := _counts(found, asked, now)):
            return earlier
        connection.execute(_BEGIN, (who, asked, now))
    return None


def _counts(found: tuple[bytes, float, int, bytes | None], asked: bytes, now: float) -> EarlierCall | None:
    """An earlier call, unless it is too old or was broken off."""
    earlier, at, ended, answer = found
    if now - at > KEPT_SECONDS or (not ended and earlier == asked and now - at > ABANDONED_SECONDS):
        return None
    return EarlierCall(earlier == asked, bool(ended), zlib.decompress(answer) if answer is not None else None)


def end(home: Path, who: bytes, answer: bytes) -> None:
    """Keeps the answer of a call; not of one that names somebody who was erased meanwhile.

    Raises:
        sqlite3.Error: The file cannot be written now.
        SuppressionError: Who was erased cannot be read.
    """
    with writing(home / FILE, _TABLES) as connection:
        found = connection.execute(_FIND, (who,)).fetchone()
        listed = open_suppression(home)
        erased = listed.erased(_named(answer)) if found and listed else {}
        gone = any(at >= found[1] for at in erased.values())
        connection.execute(_END, (None if gone else zlib.compress(answer, 1), who))
        connection.execute(_TRIM, (MOST_BYTES,))


def cancel(home: Path, who: bytes) -> None:
    """Forgets a call that was refused or failed, so that it can be made again. Raises as `begin`."""
    with writing(home / FILE, _TABLES) as connection:
        connection.execute("DELETE FROM calls WHERE who = ? AND ended = 0", (who,))


def forget(home: Path, customers: Collection[str]) -> None:
    """Removes the answers that name one of some customers, to the last byte. Raises as `begin`."""
    if not (home / FILE).exists():
        return
    gone = [(who,) for who, named in _answers(home) if not named.isdisjoint(customers)]
    if gone:
        with writing(home / FILE, _TABLES) as connection:
            connection.executemany("UPDATE calls SET answer = NULL WHERE who = ?", gone)
        empty_log(home / FILE)


def expire(home: Path) -> None:
    """Removes what is older than a day. Raises as `begin`."""
    before = (time.time() - KEPT_SECONDS,)
    if (home / FILE).exists() and Reader(home / FILE).ask("SELECT 1 FROM calls WHERE at < ? LIMIT 1", before):
        with writing(home / FILE, _TABLES) as connection:
            connection.execute("DELETE FROM calls WHERE at < ?", before)
        empty_log(home / FILE)


def _answers(home: Path) -> Iterator[tuple[bytes, frozenset[str]]]:
    """Whom each kept answer names."""
    for who, answer in Reader(home / FILE).ask("SELECT who, answer FROM calls WHERE answer IS NOT NULL"):
        yield who, frozenset(_named(zlib.decompress(answer)))


def _named(answer: bytes) -> list[str]:
    naming = _NAMING.decode(answer)
    listed = [one.customer_id for one in naming.customers if isinstance(one.customer_id, str)]
    return [one for one in (naming.customer_id, *listed, *naming.holdout_ids) if one]
