"""HOME/retention.toml: how long what a home holds is kept; days of the population have theirs in run.toml.

`[keep]` has a span such as "90d", "13m" or "3y" by store: `decisions` (with contestations; left out, it is as
PENCHANT_DECISIONS_DAYS says), `outcomes` (of month ends), and others. `[last_contact] after`: whoever has not been in
touch for so long is erased; `events` are the types of events that count as being in touch.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

FILE = "retention.toml"
_UNITS = {"d": 1, "w": 7}  # days
_LONGEST = 120  # years
_RULE = 'whole days, weeks, months or years such as "90d", "13m" or "3y"'


class RetentionError(ValueError):
    """The file breaks a rule; nothing is purged by it."""

    def __init__(self, broken: list[str]) -> None:
        super().__init__("; ".join(broken))
        self.broken = broken


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, weeks, months or years."""

    count: int
    unit: str

    @classmethod
    def read(cls, text: object) -> Span:
        """As it is written.

        >>> str(Span.read("13m")), Span.read("1m").before(datetime(2026, 3, 31))
        ('13m', datetime.datetime(2026, 2, 28, 0, 0))

        Raises:
            ValueError: It is none.
        """
        found = re.fullmatch(r"\s*([1-9]\d{0,4})\s*([dwmy])\s*", text) if isinstance(text, str) else None
        if found is None:
            raise ValueError(f"must be {_RULE}, got another value")
        return cls(int(found[1]), found[2])

    def before(self, moment: datetime) -> datetime:
        """The moment so long before another; of a shorter month its last day."""
        return self._shifted(moment, -1)

    def after(self, moment: datetime) -> datetime:
        """The moment so long after another; of a shorter month its last day.

        >>> Span.read("1m").after(datetime(2026, 1, 31))
        datetime.datetime(2026, 2, 28, 0, 0)
        """
        return self._shifted(moment, 1)

    def _shifted(self, moment: datetime, way: int) -> datetime:
        if self.unit in _UNITS:
            return moment + way * timedelta(days=min(self.count * _UNITS[self.unit], 365 * _LONGEST))
        count = min(self.count * (12 if self.unit == "y" else 1), 12 * _LONGEST)
        months = moment.year * 12 + moment.month - 1 + way * count
        first = moment.replace(year=months // 12, month=months % 12 + 1, day=1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return min(first + timedelta(days=moment.day - 1), last)

    @property
    def months(self) -> int:
        """In whole months, rounded up."""
        return {"y": 12 * self.count, "m": self.count}.get(self.unit, -(-self.count * _UNITS.get(self.unit, 1) // 30))

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.count}{self.unit}"


def _years(count: int) -> Span:
    return Span(count, "y")


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """All rules of a home."""

    decisions: Span | None = None  # None: as the server's setting says
    outcomes: Span = Span(13, "m")
    requests: Span = Span(13, "m")
    quarantine: Span = Span(90, "d")
    campaigns: Span = field(default_factory=lambda: _years(3))
    contact_history: Span = Span(13, "m")
    exports: Span = field(default_factory=lambda: _years(3))
    reports: Span = field(default_factory=lambda: _years(3))
    trail: Span = field(default_factory=lambda: _years(3))
    last_contact: Span = field(default_factory=lambda: _years(3))
    contact_events: tuple[str, ...] | None = None  # slugs; None: all but what is received or opened


KEPT = tuple(name for name in RetentionRules.__slots__ if name not in ("last_contact", "contact_events"))
_SECTIONS = {"keep": KEPT, "last_contact": ("after", "events")}


def read_retention(home: Path) -> RetentionRules:
    """The rules of a home; what the file leaves out, or all where there is none, is as by default.

    Raises:
        RetentionError: Every broken key at once.
    """
    try:
        stated = tomllib.loads((home / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return RetentionRules()
    except (OSError, ValueError) as error:
        raise RetentionError([f"{FILE}: must be readable TOML, got {type(error).__name__}"]) from error
    broken = list(_unknown(stated))
    found: dict[str, Span | tuple[str, ...]] = {}
    keep, contact = (_section(stated, name) for name in _SECTIONS)
    spans = {key: ("keep", key, keep[key]) for key in KEPT if key in keep}
    if "after" in contact:
        spans["last_contact"] = ("last_contact", "after", contact["after"])
    for rule, (section, key, text) in spans.items():
        try:
            found[rule] = Span.read(text)
        except ValueError as error:
            broken.append(f"{FILE}: [{section}] {key} {error}")
    if "events" in contact:
        events = contact["events"]
        if isinstance(events, list) and events and all(isinstance(one, str) and one.strip() for one in events):
            found["contact_events"] = tuple(events)
        else:
            broken.append(f"{FILE}: [last_contact] events must be a list of types of events, got another value")
    if broken:
        raise RetentionError(broken)
    return RetentionRules(**found)  # type: ignore[arg-type]  # each read as its field's type


def _section(stated: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = stated.get(name)
    return section if isinstance(section, dict) else {}


def _unknown(stated: Mapping[str, object]) -> Iterator[str]:
    """Every section and key that is none."""
    for name, section in stated.items():
        if name not in _SECTIONS:
            yield f"{FILE}: a section must be one of {', '.join(_SECTIONS)}, got {name}"
        elif not isinstance(section, dict):
            yield f"{FILE}: [{name}] must be a section, got a value"
        else:
            known = ", ".join(_SECTIONS[name])
            others = [key for key in section if key not in _SECTIONS[name]]
            yield from (f"{FILE}: [{name}] has the keys {known}, got {key}" for key in others)
