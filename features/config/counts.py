"""Features of one's own: which events of a log are counted, in which named days, and which answer which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from features.config.display_texts import InBothLanguages
from features.config.several_logs import constant_types, is_type_of, logs_in
from features.config.value_types import Days, Hours, ListSection, SourceColumn, TomlTable, TomlValue
from features.spec.feature import slug

_NAME = r"^[a-z][a-z0-9_]{0,63}$"
_YEARS = (1900, 2200)
_MOST = 50


def _several(value: object) -> object:
    """One value as a list of it."""
    return value if isinstance(value, list | tuple) else (value,)


def _readable(values: tuple[str | bool | int | float, ...]) -> tuple[str | bool | int | float, ...]:
    if not values or not all(any(sign.isalnum() for sign in str(value)) for value in values):
        raise ValueError("must be values that hold a letter or a digit, at least one")
    return values


def _period(value: object) -> object:
    """The first and the last day of a period in ISO form, of a single day the same twice."""
    if isinstance(value, tuple):
        return value  # read before
    if isinstance(value, date):
        return (value, value)
    rule = 'must be days such as "2026-01-07..2026-02-03", or one day, in ISO form'
    if not isinstance(value, str):
        raise ValueError(rule)
    first, _, last = value.partition("..")
    try:
        days = tuple(date.fromisoformat(part.strip()) for part in (first, last or first))
    except ValueError:
        raise ValueError(rule) from None
    if not _YEARS[0] <= days[0].year <= days[1].year <= _YEARS[1] or days[1] < days[0]:
        raise ValueError(f"must lie in the years {_YEARS[0]} to {_YEARS[1]} and not end before it begins")
    return days


def _distinct(values: tuple[int, ...]) -> tuple[int, ...]:
    if not values or len(set(values)) < len(values):
        raise ValueError("must name each month once, at least one")
    return values


CountName = Annotated[str, Field(pattern=_NAME)]
EventType = Annotated[str, Field(min_length=1)]
Values = Annotated[
    tuple[str | bool | int | float, ...], BeforeValidator(_several), AfterValidator(_readable)
]  # any of them
Months = Annotated[tuple[Annotated[int, Field(ge=1, le=12, strict=True)], ...], AfterValidator(_distinct)]
Period = Annotated[tuple[date, date], BeforeValidator(_period)]
Periods = Annotated[tuple[Period, ...], BeforeValidator(_several), Field(min_length=1)]
Calendars = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Count(ListSection):
    """Events that are counted as a feature of a name: in the window before the cutoff, refunds apart."""

    name: CountName
    event: EventType
    title: InBothLanguages | None = None  # in place of its name where people read
    where: dict[SourceColumn, Values] = Field(default_factory=dict)  # all of these properties
    months: Months | None = None  # of the year, UTC
    calendar: Calendars = ()  # in the days of any of these
    days_around: Annotated[int, Field(ge=0, le=366, strict=True)] = 0  # before and after each of their periods
    unless: EventType | None = None  # this event follows
    within: Annotated[Hours, Field(ge=1, le=24 * 3650)] | None = None  # so soon
    window: Annotated[Days, Field(ge=1, le=3650)] | None = None  # default: the observation window

    @model_validator(mode="after")
    def _keys_go_together(self) -> Self:
        broken = []
        if (self.unless is None) != (self.within is None):
            broken.append("unless and within go together")
        if self.unless is not None and self.unless == self.event:
            broken.append("unless must be another event than event")
        if self.days_around and not self.calendar:
            broken.append("days_around goes with calendar")
        if broken:
            raise ValueError("; ".join(broken))
        return self


class Reactivity(ListSection):
    """Which events answer what is sent to a customer, and how soon they must: whole hours."""

    send: EventType
    answer: Annotated[tuple[EventType, ...], BeforeValidator(_several), Field(min_length=1)]  # any of them
    within: Annotated[Hours, Field(ge=1, le=24 * 3650)]

    @model_validator(mode="after")
    def _types_are_distinct(self) -> Self:
        kinds, broken = [slug(kind) for kind in self.answer], []
        if slug(self.send) in kinds:
            broken.append(f"answer must be of other events than send, got {self.send!r} in both")
        twice = sorted({kind for kind in self.answer if kinds.count(slug(kind)) > 1})
        if twice:
            broken.append(f"answer must name an event once, got {', '.join(map(repr, twice))}")
        if broken:
            raise ValueError("; ".join(broken))
        return self


class CountSections(ListSection):
    """The counts of a log, the days they may be around, and what answers what."""

    counts: Annotated[tuple[Count, ...], Field(max_length=_MOST)] = ()
    reactivity: Reactivity | None = None
    calendar: dict[CountName, Periods] = Field(default_factory=dict)

    def periods_of(self, count: Count) -> list[tuple[date, date]]:
        """The first and the last day of every period that a count is around."""
        reach = timedelta(days=count.days_around)
        return [(first - reach, last + reach) for name in count.calendar for first, last in self.calendar[name]]


def count_conflicts(raw: TomlTable) -> list[str]:
    """What counts name that the rest of the file does not have."""
    stated, calendar = raw.get("counts"), _section(raw, "calendar")
    if not isinstance(stated, Sequence):
        return []
    tables = [(f"counts.{at}", each) for at, each in enumerate(stated) if isinstance(each, Mapping)]
    names = [each.get("name") for _, each in tables]
    broken = [
        f"{key}.name: must be another than that of a count before it, got {each.get('name')!r}"
        for at, (key, each) in enumerate(tables)
        if each.get("name") is not None and each.get("name") in names[:at]
    ]
    for key, each in tables:
        broken += [f"{key}.{rule}" for rule in _strangers(each, raw, calendar)]
    return broken


def _section(raw: TomlTable, name: str) -> TomlTable:
    section = raw.get(name)
    return section if isinstance(section, Mapping) else {}


def _strangers(count: TomlTable, raw: TomlTable, calendar: TomlTable) -> Iterator[str]:
    """The properties, events and calendars that a count names and the file does not have."""
    where = count.get("where")
    properties = [name for log in logs_in(raw) for name in _texts(log.get("properties"))]
    for name in where if isinstance(where, Mapping) else ():
        if name not in properties:
            known = ", ".join(map(repr, properties)) or "there are none"
            yield f"where.{name}: must be one of events.properties ({known})"
    for name in _texts(count.get("calendar")):
        if name not in calendar:
            known = ", ".join(calendar) or "there are none"
            yield f"calendar: must be of [calendar] ({known}), got {name!r}"
    for key in ("event", "unless"):
        if isinstance(other := count.get(key), str):
            yield from _other_type(key, other, raw)


def reactivity_conflicts(raw: TomlTable) -> list[str]:
    """The events that reactivity names and that logs of one constant type each cannot have."""
    stated = _section(raw, "reactivity")
    named = [(key, kind) for key in ("send", "answer") for kind in _texts(stated.get(key))]
    return [line for key, kind in named for line in _other_type(f"reactivity.{key}", kind, raw)]


def _other_type(key: str, kind: str, raw: TomlTable) -> Iterator[str]:
    """Why logs of one constant type each cannot have events of a type."""
    types = constant_types(raw)
    if not types:
        return
    if len(types) == 1 and kind != types[0]:
        yield f"{key}: must be the log's only event type {types[0]!r}, got {kind!r}"
    elif not is_type_of(kind, types):
        yield f"{key}: must be one of the logs' event types ({', '.join(map(repr, types))}), got {kind!r}"


def _texts(value: TomlValue | None) -> list[str]:
    """The texts in a value that is one or a list of them."""
    listed = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [each for each in listed if isinstance(each, str)]
