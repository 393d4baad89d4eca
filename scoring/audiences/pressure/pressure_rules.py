"""[pressure] of HOME/run.toml: how often a customer may be on a list, which list goes first, and who is on none."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec

from features.spec.feature import Json

RUN_FILE = "run.toml"
_UNITS = {"d": timedelta(days=1), "w": timedelta(weeks=1)}
_LONGEST = timedelta(days=365)  # less than the contact history is kept by default


class PressureError(ValueError):
    """[pressure] of run.toml cannot be read, so nobody knows who may be on a list."""


@dataclass(frozen=True, slots=True)
class ContactLimit:
    """On how many lists a customer may be within a span up to now."""

    most: int
    within: timedelta


class FirstList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list that goes before others: whoever it would take today is left to it."""

    use_case: str | None = None
    segment: str | None = None
    top: int | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class PressureRules:
    """The section; without it everybody may be on any number of lists."""

    limits: tuple[ContactLimit, ...] = ()
    control: float = 0.0  # the share of all customers who are on no list, ever
    first: tuple[FirstList, ...] = ()  # the one that goes before all others first

    def before(self, use_case: str | None, segment: str | None) -> tuple[FirstList, ...]:
        """The lists that go before one of a use case and a segment: all, where it is not among them itself."""
        own = [place for place, one in enumerate(self.first) if (one.use_case, one.segment) == (use_case, segment)]
        return self.first[: own[0]] if own else self.first


def read_pressure(home: Path) -> PressureRules:
    """The rules of a home.

    Raises:
        PressureError: They cannot be read.
    """
    try:
        found = tomllib.loads((home / RUN_FILE).read_text(encoding="utf-8")).get("pressure", {})
        return pressure_of(found)
    except FileNotFoundError:
        return PressureRules()
    except (OSError, ValueError) as error:
        why = str(error) if isinstance(error, _SectionError) else f"got {type(error).__name__}"
        raise PressureError(f"[pressure] of {RUN_FILE} must say who may be on a list: {why}") from error


class _SectionError(ValueError):
    """What is wrong with the section, every broken key."""


def pressure_of(section: Json | PressureRules) -> PressureRules:
    """The rules of a section of TOML.

    Raises:
        ValueError: It has a broken key; each is named.
    """
    if isinstance(section, PressureRules):
        return section
    if not isinstance(section, Mapping):
        raise _SectionError("must be a table.")
    broken = [f"has no key {key}." for key in sorted(section.keys() - {"max", "control", "first"})]
    given = section.get("max", [])
    limits = [_limit(one) for one in (given if isinstance(given, list) else [given])]
    if None in limits:
        broken.append('max must be such as "2 per 7d", or a list of such, of at most 365 days.')
    control = section.get("control", 0.0)
    if isinstance(control, bool) or not isinstance(control, int | float) or not 0 <= control < 1:
        broken.append("control must be a share in [0, 1).")
    first = _first(section.get("first", []), broken)
    if broken or not isinstance(control, int | float):
        raise _SectionError(" ".join(broken))
    return PressureRules(tuple(limit for limit in limits if limit), float(control), first)


def _limit(text: Json) -> ContactLimit | None:
    found = (
        re.fullmatch(r"\s*([1-9]\d{0,3})\s+per\s+([1-9]\d{0,3})\s*([dw])\s*", text) if isinstance(text, str) else None
    )
    if found is None or (within := int(found[2]) * _UNITS[found[3]]) > _LONGEST:
        return None
    return ContactLimit(int(found[1]), within)


def _first(given: Json, broken: list[str]) -> tuple[FirstList, ...]:
    try:
        found = msgspec.convert(given, tuple[FirstList, ...])
    except msgspec.ValidationError:
        broken.append("first must be tables of use_case, segment, top and threshold.")
        return ()
    for one in found:
        bounded = one.top is not None or one.threshold is not None
        if one.use_case is None and (one.segment is None or bounded):
            broken.append("Each of first needs a use_case, or a segment alone.")
        if one.use_case is not None and one.segment is None and not bounded:
            broken.append("Each of first needs a top, a threshold or a segment, or it would take everybody.")
    return found
