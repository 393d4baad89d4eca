"""What was handed to tools that send, person by person: which destination, from when to when, with which fields.

Each destination's ledger (HOME/deliveries/NAME.db) has a table of it, by keyed hash, written before a row leaves. A
line is open as long as the destination has the person of us; what it was handed while it had them is one line for each
set of fields, with the first and the last time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Literal, NamedTuple

from features.spec.suppression_list import keyed, read_key
from scoring.audiences.deliveries.delivery_record import DELIVERIES
from scoring.storage.sqlite import Reader, empty_log, writing

HandoverKind = Literal["member", "change"]  # a row of an audience, or a change of segment
HANDOVER_TABLES = (
    "CREATE TABLE IF NOT EXISTS handover (who BLOB NOT NULL, kind TEXT NOT NULL, fields TEXT NOT NULL, "
    "first REAL NOT NULL, last REAL NOT NULL, removed REAL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS handover_open ON handover (who, kind, fields) WHERE removed IS NULL",
    "CREATE INDEX IF NOT EXISTS handover_of ON handover (who)",
)
HAND_OVER = (
    "INSERT INTO handover VALUES (?, ?, ?, ?, ?, NULL) "
    "ON CONFLICT (who, kind, fields) WHERE removed IS NULL DO UPDATE SET last = excluded.last"
)
TAKE_BACK = "UPDATE handover SET removed = ? WHERE who = ? AND kind = 'member' AND removed IS NULL"
# Of somebody erased only what a destination still has is known on, until it has been removed there.
FORGET_HANDOVERS = "DELETE FROM handover WHERE who = ? AND (removed IS NOT NULL OR kind <> 'member')"
_OLD = "removed < :moment OR (kind <> 'member' AND last < :moment)"
_OF = "SELECT who, kind, fields, first, last, removed FROM handover WHERE who IN {}"


class Handover(NamedTuple):
    """What a destination was handed of one person; moments in seconds since the epoch."""

    destination: str
    kind: HandoverKind
    fields: tuple[str, ...]
    first: float
    last: float
    removed: float | None  # when the destination acknowledged that it is gone there


def handovers_of(home: Path, customers: Collection[str]) -> dict[str, list[Handover]]:
    """What was handed of some customers, by id, the earliest first.

    Raises:
        sqlite3.Error: A ledger cannot be read now.
        SuppressionError: The home's key cannot be read.
    """
    files = _ledgers(home)
    if not files:
        return {}
    key = read_key(home)
    named = {keyed(key, customer): customer for customer in customers}
    found: dict[str, list[Handover]] = {}
    for file in files:
        for who, kind, fields, *moments in Reader(file).ask_of(_OF, list(named)):
            found.setdefault(named[who], []).append(Handover(file.stem, kind, tuple(fields.split(",")), *moments))
    return {customer: sorted(lines, key=lambda one: one.first) for customer, lines in found.items()}


def forget_handovers(home: Path, customers: Collection[str]) -> None:
    """Removes what is not needed to remove customers there; raises as `handovers_of`."""
    files = _ledgers(home)
    key = read_key(home) if files else b""
    for file in files:
        with writing(file, "") as connection:
            connection.executemany(FORGET_HANDOVERS, [(keyed(key, customer),) for customer in customers])
        empty_log(file)


def count_handovers_before(home: Path, moment: float) -> int:
    """How many lines are of what was taken back, or of changes sent, before a moment; raises sqlite3.Error."""
    question = f"SELECT COUNT(*) FROM handover WHERE {_OLD.replace(':moment', '?')}"  # noqa: S608 of our own parts
    return sum(int(Reader(file).ask(question, (moment, moment))[0][0]) for file in _ledgers(home))


def purge_handovers(home: Path, moment: float) -> int:
    """Removes those lines; returns how many. Raises sqlite3.Error."""
    removed = 0
    for file in _ledgers(home):
        with writing(file, "") as connection:
            removed += connection.execute(f"DELETE FROM handover WHERE {_OLD}", {"moment": moment}).rowcount  # noqa: S608 of our own parts
        empty_log(file)
    return removed


def _ledgers(home: Path) -> list[Path]:
    """The ledgers that have the table: earlier homes' have none until their next sync."""
    there = "SELECT 1 FROM sqlite_master WHERE name = 'handover'"
    return [file for file in sorted((home / DELIVERIES).glob("*.db")) if _asked(file, there)]


def _asked(file: Path, question: str) -> bool:
    try:
        return bool(Reader(file).ask(question))
    except sqlite3.DatabaseError as error:
        raise sqlite3.OperationalError(f"{file.name} must be readable, got {type(error).__name__}.") from error
