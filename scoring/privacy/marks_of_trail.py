"""Objections and erasures that the trail knows of and the suppression list does not, as after a backup was put back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from scoring.privacy.audit_trail import FILE, Action, action_of, lines_of
from scoring.privacy.suppression import mark_again, marks_of

_LISTED = {"objection": True, "withdrawal": False}


def mark_by_trail(home: Path) -> frozenset[bytes]:
    """Brings the suppression list up to the trail; returns the hashes of whom a mark was missing, often nobody.

    An erasure is never taken back by it; of objections the last line on a customer counts.

    Raises:
        OSError: The trail cannot be read.
        SuppressionError: The list has lost its key.
        sqlite3.Error: The list cannot be read or written.
    """
    if not (home / FILE).exists():
        return frozenset()
    found = marks_of(home)
    erased: dict[bytes, float] = {}
    objecting: dict[bytes, bool] = {}
    for at, action in _on_customers(home):
        for who in map(bytes.fromhex, action.customers):
            if action.what == "erase":
                erased[who] = at
            elif action.what in _LISTED:
                objecting[who] = _LISTED[action.what]
    return mark_again(home, found, erased=erased, objecting=objecting) if erased or objecting else frozenset()


def readmitted(home: Path) -> frozenset[bytes]:
    """The hashes of those who were taken in again after they were erased. Raises OSError as `mark_by_trail`."""
    last: dict[bytes, str] = {}
    for _, action in _on_customers(home):
        if action.what in ("erase", "readmission"):
            last |= dict.fromkeys(map(bytes.fromhex, action.customers), action.what)
    return frozenset(who for who, what in last.items() if what == "readmission")


def _on_customers(home: Path) -> Iterable[tuple[float, Action]]:
    """The actions that concern single customers, each with its moment in seconds since the epoch."""
    for line in lines_of(home):
        action = action_of(line) if line else None
        if line and action and action.customers:
            yield datetime.fromisoformat(line.at).timestamp(), action
