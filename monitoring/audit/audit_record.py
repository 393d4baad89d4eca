"""The record of some months, from what a home keeps: counts and figures alone, no customer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TypeVar

from scoring.audiences.export_log import LoggedExport, read_exports
from scoring.bundle.manifest import Manifest
from scoring.errors import BundleError
from scoring.health.alert_file import read_alerts
from scoring.health.health_file import GoalProgress, HealthAlert, HealthDocument, UseCaseHealth, read_health
from scoring.health.matured_windows import HealthError, MaturedWindow, read_windows
from scoring.population.days import Day, PopulationError, days_of
from scoring.privacy.suppression import SuppressionError, count, count_erased
from scoring.privacy.trail_check import CheckedTrail, TrailEntry, checked_trail
from scoring.releases.current_pointer import current_version, released_use_cases
from scoring.releases.promotion_log import decided_use_cases, read_decisions
from scoring.releases.store import manifest_of
from scoring.segments.assignment import DEFAULT, current_policy
from scoring.text.promotion import DecisionDocument

UNREADABLE = (BundleError, HealthError, PopulationError, SuppressionError, OSError, sqlite3.Error)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class UseCaseRecord:
    """One use case."""

    name: str
    version: str | None  # in service
    manifest: Manifest | None  # of that version
    decisions: list[DecisionDocument]  # the newest first
    days: dict[str, int]  # how many days each version scored, of those that are kept
    months: list[MaturedWindow]  # of each month the last day whose outcome is known, the earliest first
    known: int  # days whose outcome is known
    health: UseCaseHealth | None


@dataclass(frozen=True, slots=True)
class ExportTotal:
    """What left by one door in one format."""

    by: str
    format: str
    internal: bool
    lists: int
    written: int
    left_out: int


@dataclass(frozen=True, slots=True)
class LookTotal:
    """How often one key looked at single customers by one door, and at how many."""

    who: str | None
    via: str
    looks: int
    customers: int


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Everything the page shows; what could not be read is named."""

    since: date
    until: date
    as_of: str | None  # of the health
    goals: tuple[GoalProgress, ...]  # as they stood then
    segments: dict[str, Mapping[str, str]]  # labels by code and language
    use_cases: list[UseCaseRecord]
    days: list[Day]
    exports: list[ExportTotal]
    alerts: list[HealthAlert]  # that were there within these months, the newest first
    erased: int
    objectors: int
    trail: CheckedTrail | None = None  # None where it cannot be read
    done: list[TrailEntry] = field(default_factory=list)  # within these months, but for looks
    looks: list[LookTotal] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def promoted(self) -> int:
        """How many versions were promoted."""
        return sum(bool(one.get("promoted")) for case in self.use_cases for one in case.decisions)

    @property
    def refused(self) -> int:
        """How many were refused."""
        return sum(bool(one.get("refused")) for case in self.use_cases for one in case.decisions)


class _Reading:
    """Reads what may be damaged: what cannot be read is noted, and the audit goes on."""

    def __init__(self) -> None:
        self.unreadable: list[str] = []

    def of(self, ask: Callable[[], Found], otherwise: Found) -> Found:
        """What is asked for, or the other thing."""
        try:
            return ask()
        except UNREADABLE as error:
            self.unreadable.append(str(error) if isinstance(error, ValueError) else type(error).__name__)
            return otherwise


def audit(home: Path, since: date, until: date) -> AuditRecord:
    """The record of a home from a day to another, both included."""
    reading = _Reading()
    health = reading.of(lambda: read_health(home), None)
    alerts = reading.of(lambda: read_alerts(home), tuple[HealthAlert, ...]())
    days = [
        day for day in reading.of(lambda: days_of(home), list[Day]()) if since <= day.manifest.as_of.date() <= until
    ]
    names = sorted({*released_use_cases(home), *decided_use_cases(home)})
    begun = datetime.combine(since, time(), UTC).timestamp()
    trail = reading.of(lambda: checked_trail(home), None)
    entries = [one for one in trail.entries if _within(one.at, since, until)] if trail else []
    return AuditRecord(
        since=since,
        until=until,
        as_of=health.as_of if health else None,
        goals=health.goals if health else (),
        segments={one.code: one.labels for one in reading.of(lambda: current_policy(home), DEFAULT).segments},
        use_cases=[_use_case(home, name, reading, (since, until), days, health) for name in names],
        days=days,
        exports=list(_totals(reading.of(lambda: read_exports(home), list[LoggedExport]()), since, until)),
        alerts=[one for one in alerts[::-1] if _was_there(one, since, until)],
        erased=reading.of(lambda: count_erased(home, begun), 0),
        objectors=reading.of(lambda: count(home), 0),
        trail=trail,
        done=[one for one in entries[::-1] if one.action.what != "look"],
        looks=list(_looks(entries)),
        unreadable=reading.unreadable,
    )


def _use_case(
    home: Path, name: str, reading: _Reading, span: tuple[date, date], days: list[Day], health: HealthDocument | None
) -> UseCaseRecord:
    matured = reading.of(lambda: read_windows(home, name), list[MaturedWindow]())
    windows = [one for one in matured if _within(one.known_on, *span)]
    return UseCaseRecord(
        name=name,
        version=current_version(home, name),
        manifest=reading.of(lambda: manifest_of(home, name), None),
        decisions=[one for one in read_decisions(home, name) if _within(one["at"], *span)],
        days=_by_version(days, name),
        months=list({window.as_of[:7]: window for window in windows}.values()),
        known=len(windows),
        health=health.use_cases.get(name) if health else None,
    )


def _within(iso: str, since: date, until: date) -> bool:
    return since.isoformat() <= iso[:10] <= until.isoformat()


def _was_there(alert: HealthAlert, since: date, until: date) -> bool:
    """Whether an alert was open, or taken on, on a day of these."""
    return alert.since <= until.isoformat() and (alert.ended is None or alert.ended[:10] >= since.isoformat())


def _by_version(days: list[Day], name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for day in days:
        if (version := day.manifest.models.get(name)) is not None:
            found[version] = found.get(version, 0) + 1
    return found


def _looks(entries: list[TrailEntry]) -> Iterator[LookTotal]:
    doors: dict[tuple[str, str], list[TrailEntry]] = {}
    for one in entries:
        if one.action.what == "look":
            doors.setdefault((one.action.by.who or "", one.action.by.via), []).append(one)
    for (who, via), some in sorted(doors.items()):
        yield LookTotal(who or None, via, len(some), len({whom for one in some for whom in one.action.customers}))


def _totals(exports: list[LoggedExport], since: date, until: date) -> Iterator[ExportTotal]:
    doors: dict[tuple[str, str, bool], list[LoggedExport]] = {}
    for one in exports:
        if _within(one.at, since, until):
            doors.setdefault((one.by, one.format, one.internal), []).append(one)
    for (by, form, internal), some in sorted(doors.items()):
        left_out = sum(sum(one.left_out.values()) for one in some)
        yield ExportTotal(by, form, internal, len(some), sum(one.written for one in some), left_out)
