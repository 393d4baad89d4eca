"""The decisions log: who was scored when, by which version, with what result, and who contested it; kept for a time."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.spec.suppression_list import ONE_READING
from scoring.answers.wire import Result
from scoring.privacy.retention_file import RetentionError, read_retention
from scoring.privacy.suppression import SuppressionError, open_suppression
from scoring.storage.sqlite import Reader, scrub, writing
from serving.customers.kept import DecisionLine
from serving.telemetry import logs

FILE = "decisions.db"
MOST_WAITING = 200_000  # scores kept back while the disk takes none; more are lost, and counted in the log
_PRUNE_SECONDS = 3600.0
_DAY = 86400.0
_COLUMNS = ("customer_id", "at", "request_id", "caller", "use_case", "model_version", "score", "band", "segment")
CONTESTATIONS = """
CREATE TABLE IF NOT EXISTS contestations (
    customer_id TEXT NOT NULL, at REAL NOT NULL, use_case TEXT NOT NULL, request_id TEXT, outcome TEXT NOT NULL,
    by_whom TEXT NOT NULL, caller TEXT, text TEXT NOT NULL
);
"""  # a table that is only added to; logs of earlier homes have none
TABLES = f"""{CONTESTATIONS}
CREATE TABLE IF NOT EXISTS decisions (
    {_COLUMNS[0]} TEXT NOT NULL, at REAL NOT NULL, request_id TEXT NOT NULL, caller TEXT, use_case TEXT NOT NULL,
    model_version TEXT NOT NULL, score REAL NOT NULL, band TEXT NOT NULL, segment TEXT, reasons TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_customer ON decisions (customer_id);
CREATE INDEX IF NOT EXISTS by_time ON decisions (at);
PRAGMA user_version = {ONE_READING}
"""
_PUT = "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FIND = f"SELECT {', '.join(_COLUMNS)}, reasons FROM decisions WHERE customer_id IN {{}}"  # noqa: S608 names of ours
_LATEST = f"""
SELECT {", ".join(_COLUMNS)}, reasons FROM decisions WHERE customer_id = ? AND at > ?
ORDER BY at DESC, rowid DESC LIMIT ?
"""  # noqa: S608 names of ours
_KEPT = ("decisions", "contestations")
_BETWEEN = """
SELECT customer_id, at, model_version, score, band, segment FROM decisions
WHERE use_case = ? AND at >= ? AND at < ? ORDER BY at, rowid
"""
LoggedScore = tuple[str, float, str, str | None, str, str, float, str, str | None, str]


class Decisions:
    """What one worker writes: recorded at once, written at the next look, so that no answer waits for the disk."""

    def __init__(self, home: Path, *, days: float, on: bool) -> None:
        self.on = on
        self._home = home
        self._days = days
        self._waiting: list[tuple[float, LoggedScore]] = []  # each with the monotonic clock, which nobody sets
        self._pruned = 0.0
        self._lock = threading.Lock()  # between the look and the end of the worker

    def record(self, request_id: str, caller: str | None, results: Iterable[Result]) -> None:
        """Remembers every score of an answer."""
        at, ticks = time.time(), time.monotonic()
        self._waiting += [
            (
                ticks,
                (
                    customer,
                    at,
                    request_id,
                    caller,
                    name,
                    score["model_version"],
                    score["score"],
                    score["band"]["code"],
                    result["segment"]["code"] if result["segment"] else None,
                    json.dumps([reason["code"] for reason in score["reasons"]]),
                ),
            )
            for result in results
            for name, score in result["scores"].items()
            if score["status"] == "scored" and (customer := result["customer_id"]) is not None
        ]

    def flush(self) -> None:
        """Writes what waits and deletes what is too old; a disk that takes nothing costs no answer."""
        path = self._home / FILE
        due = path.exists() and (not self._pruned or time.monotonic() - self._pruned > _PRUNE_SECONDS)
        if not (self._waiting or due):
            return
        with self._lock:
            lines = self._waiting[:]
            try:
                self._write(path, lines)
            except (sqlite3.Error, SuppressionError, OSError) as error:
                lost = max(0, len(self._waiting) - MOST_WAITING)
                del self._waiting[:lost]
                logs.write("decisions_wait", level="error", lost=lost, **logs.fault(error))
            else:
                del self._waiting[: len(lines)]
                self._pruned = time.monotonic()

    def _write(self, path: Path, lines: Sequence[tuple[float, LoggedScore]]) -> None:
        """Within one transaction, so that a score recorded before its customer was erased cannot come in after it.

        Which of the two was first is known by how long a score has waited: the clock may have been set in between.
        """
        oldest_kept = kept_since(self._home, self._days)
        with writing(path, TABLES) as connection:
            listed = open_suppression(self._home)
            erased = listed.erased({line[0] for _, line in lines}) if listed and lines else {}
            began = time.time() - time.monotonic()
            kept = [line for ticks, line in lines if began + ticks > erased.get(line[0], 0.0)]
            connection.executemany(_PUT, kept)
            connection.execute(CONTESTATIONS)
            for table in _KEPT:
                connection.execute(f"DELETE FROM {table} WHERE at < ?", [oldest_kept])  # noqa: S608  a table of ours


def kept_since(home: Path, days: float) -> float:
    """The moment before which nothing is kept, in seconds since the epoch: by the rule of the home, else by `days`."""
    with suppress(RetentionError):  # `penchant retention` names what is broken
        rule = read_retention(home).decisions
        if rule is not None:
            return rule.before(datetime.now(UTC)).timestamp()
    return time.time() - days * _DAY


def count_before(home: Path, moment: float) -> int:
    """How many scores and contestations are from before a moment, in seconds since the epoch.

    Raises:
        sqlite3.Error: The log cannot be read now.
    """
    ask = Reader(home / FILE).ask if (tables := tables_of(home)) else None
    return sum(ask(f"SELECT COUNT(*) FROM {table} WHERE at < ?", [moment])[0][0] for table in tables) if ask else 0  # noqa: S608  a table of ours


def oldest(home: Path) -> float | None:
    """When the oldest score or contestation is from; None where there is none. Raises as `count_before`."""
    found = [Reader(home / FILE).ask(f"SELECT MIN(at) FROM {table}")[0][0] for table in tables_of(home)]  # noqa: S608  a table of ours
    return min((at for at in found if at is not None), default=None)


def logged(home: Path) -> dict[str, float]:
    """Everybody in the log, with the moment of their earliest line. Raises as `count_before`."""
    found: dict[str, float] = {}
    for table in tables_of(home):
        rows = Reader(home / FILE).ask(f"SELECT customer_id, MIN(at) FROM {table} GROUP BY 1")  # noqa: S608  a table of ours
        found |= {customer: min(at, found.get(customer, at)) for customer, at in rows}
    return found


def delete_before(home: Path, moment: float) -> int:
    """Deletes what is from before a moment, and writes over its bytes; returns how many lines went.

    Raises:
        sqlite3.Error: The log cannot be written now.
    """
    removed = count_before(home, moment)
    if removed:
        with writing(home / FILE, TABLES) as connection:
            for table in tables_of(home):
                connection.execute(f"DELETE FROM {table} WHERE at < ?", [moment])  # noqa: S608  a table of ours
        scrub(home / FILE)
    return removed


def latest_of(home: Path, customer: str, count: int) -> list[DecisionLine] | None:
    """A customer's newest scores, the newest first; None for one who objected.

    Scores from before an erasure are left out, even where they could not be deleted yet.

    Raises:
        sqlite3.Error: The log cannot be read now.
        SuppressionError: The suppression list cannot be read, so nobody's scores are given.
    """
    listed = open_suppression(home)
    if listed and listed.among([customer]):
        return None
    if not (home / FILE).exists():
        return []
    erased = listed.erased([customer]).get(customer, 0.0) if listed else 0.0
    rows = Reader(home / FILE).ask(_LATEST, [customer, erased, count])
    return [_line(fields) for _, *fields in rows]


def decisions_of(home: Path, customers: Sequence[str]) -> dict[str, list[DecisionLine]]:
    """The scores of customers, by id, in the order of time; none from before an erasure.

    Raises:
        sqlite3.Error: The log cannot be read now.
        SuppressionError: The suppression list cannot be read, so nobody's scores are given.
    """
    found: dict[str, list[DecisionLine]] = {}
    if (home / FILE).exists():
        listed, asked = open_suppression(home), list(dict.fromkeys(customers))
        erased = listed.erased(asked) if listed else {}
        rows = Reader(home / FILE).ask_of(_FIND, asked)
        for customer, at, *fields in sorted(rows, key=lambda row: float(row[1])):
            if at > erased.get(customer, 0.0):
                found.setdefault(customer, []).append(_line([at, *fields]))
    return found


def given_between(home: Path, use_case: str, first: float, end: float) -> list[tuple[Any, ...]]:
    """The scores of a use case from one moment until before another, in the order of time.

    Each is customer, moment, version, score, band, segment. Those of objectors, and from before an erasure, are left
    out.

    Raises:
        sqlite3.Error: The log cannot be read now.
        SuppressionError: The suppression list cannot be read, so nobody's scores are given.
    """
    if not (home / FILE).exists():
        return []
    rows = Reader(home / FILE).ask(_BETWEEN, [use_case, first, end])
    listed, asked = open_suppression(home), {row[0] for row in rows}
    objecting = listed.among(asked) if listed else frozenset[str]()
    erased = listed.erased(asked) if listed else {}
    return [row for row in rows if row[0] not in objecting and row[1] > erased.get(row[0], 0.0)]


def _line(fields: Sequence[Any]) -> DecisionLine:
    """A row of the log without its customer, its moment in ISO 8601."""
    at, request_id, caller, use_case, version, score, band, segment, reasons = fields
    return {
        "at": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
        "request_id": request_id,
        "caller": caller,
        "use_case": use_case,
        "model_version": version,
        "score": score,
        "band": band,
        "segment": segment,
        "reasons": json.loads(reasons),
    }


def latest_moment(home: Path, customers: Iterable[str]) -> float:
    """When the latest of customers' scores was given or contested, by the clock of then; 0 where there is none.

    Raises:
        sqlite3.Error: The log cannot be read now.
    """
    return max((at for _, at in _moments(home, customers)), default=0.0)


def count(home: Path, erased: Mapping[str, float]) -> dict[str, int]:
    """How many scores and contestations customers have from before they were erased; only those who have any.

    Raises:
        sqlite3.Error: The log cannot be read now.
    """
    found: dict[str, int] = {}
    for customer, at in _moments(home, erased):
        if at <= erased[customer]:
            found[customer] = found.get(customer, 0) + 1
    return found


def _moments(home: Path, customers: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Whose score or contestation is of when."""
    asked = list(customers)
    for table in tables_of(home):
        yield from Reader(home / FILE).ask_of(f"SELECT customer_id, at FROM {table} WHERE customer_id IN {{}}", asked)  # noqa: S608  a table of ours


def tables_of(home: Path) -> list[str]:
    """Which of its two tables the log of a home has: an earlier one has no contestations; none without a log."""
    if not (home / FILE).exists():
        return []
    there = {name for (name,) in Reader(home / FILE).ask("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return [table for table in _KEPT if table in there]


def delete(home: Path, erased: Mapping[str, float]) -> None:
    """Deletes customers' scores and contestations from before those moments; their bytes go when it is written anew.

    Raises:
        sqlite3.Error: The log cannot be written now, and is as it was.
    """
    if tables := tables_of(home):
        with writing(home / FILE, TABLES) as connection:
            for table in tables:
                connection.executemany(f"DELETE FROM {table} WHERE customer_id = ? AND at <= ?", erased.items())  # noqa: S608  a table of ours
