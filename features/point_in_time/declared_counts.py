"""Counts that a use case declares: events of a type with certain properties, in certain months or days, not followed.

An event is followed by the one of `unless` at its own moment or later, before `within` is over. Only once `within` is
over by the cutoff does an event count: what a count says of an event never changes with what comes later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import ibis
import ibis.expr.types as ir
import polars as pl

from features.columns.expressions import slug
from features.config.use_case import Count, LogUseCase, TypeColumn
from features.errors import DataError, UseCaseError
from features.history.distinct_slugs import by_normalised
from features.history.event_log import Log
from features.history.log_forms import LogForms, own_type
from features.spec.feature import CUSTOMER_ID, ELIGIBLE, Feature, Finding, normalise
from features.spec.raw_events import CountDefinition

FAMILY = "count"
_AGE, _NEXT = "__age", "__next_"
_HOUR = 3_600_000_000  # microseconds
_of_a_trait = re.compile(r"t[0-9]+")  # its name inside
_fits = "fits_"  # before the position of a count: whether an event has its properties


@dataclass(frozen=True, slots=True)
class DeclaredCount:
    """A count of the use case in the words of the log."""

    name: str
    event: str  # slug
    window: int  # days
    where: tuple[tuple[int, tuple[str, ...]], ...] = ()  # position of a property, any of these slugs
    months: tuple[int, ...] = ()
    periods: tuple[tuple[date, date], ...] = ()  # first and last day; empty: any day
    unless: str | None = None  # slug
    within: int = 0  # hours
    titles: tuple[tuple[str, str], ...] = ()  # by language

    @property
    def types(self) -> tuple[str, ...]:
        """The types of events that it is made of."""
        return (self.event,) if self.unless is None else (self.event, self.unless)

    @property
    def feature(self) -> Feature:
        """The feature it becomes."""
        subject = self.name.replace("_", " ")
        return Feature(
            self.name, "integer", FAMILY, lower=0.0, event=self.event, window_days=self.window, subject=subject,
            names=dict(self.titles),
        )  # fmt: skip


def declared_counts(use_case: LogUseCase, log: Log) -> tuple[DeclaredCount, ...]:
    """The counts of a use case, their values as the log's slugs."""
    return tuple(_declared(use_case, count, log) for count in use_case.counts)


def definitions_of(use_case: LogUseCase) -> list[CountDefinition]:
    """The counts as a bundle tells them, in the words of the use case."""
    return [_definition(use_case, count) for count in use_case.counts]


def _definition(use_case: LogUseCase, count: Count) -> CountDefinition:
    window = count.window or use_case.window.observation
    found: CountDefinition = {"name": count.name, "event": count.event, "window_days": window}
    if count.where:
        found["where"] = {name: [_text(value) for value in values] for name, values in count.where.items()}
    if count.months:
        found["months"] = sorted(count.months)
    if count.calendar:
        found["days"] = [[day.isoformat() for day in period] for period in use_case.periods_of(count)]
    if count.unless is not None and count.within is not None:
        found |= {"unless": count.unless, "within_hours": count.within}
    return found


def _declared(use_case: LogUseCase, count: Count, log: Log) -> DeclaredCount:
    properties, title, event = use_case.properties, count.title, type_of(count.event, log)
    where = (
        (properties.index(name), tuple(_slug(value, log.of(event).forms, name) for value in values))
        for name, values in count.where.items()
    )
    return DeclaredCount(
        name=count.name,
        event=event,
        window=count.window or use_case.window.observation,
        where=tuple(where),
        months=count.months or (),
        periods=tuple(use_case.periods_of(count)),
        unless=None if count.unless is None else type_of(count.unless, log),
        within=count.within or 0,
        titles=() if title is None else (("fr", title.fr), ("en", title.en)),
    )


def type_of(name: str, log: Log) -> str:
    """The slug of the type of events that a use case calls so."""
    slugs = [_type_in(name, each) for each in log.logs]
    return next((kind for kind, each in zip(slugs, log.logs, strict=True) if kind in each.encoded.codes), slugs[0])


def _type_in(name: str, log: Log) -> str:
    """The slug that it would have in one log."""
    section = log.section
    if not isinstance(section.type, TypeColumn) or not name.lower().startswith(section.prefix):
        return slug(name)
    return section.prefix + _slug(own_type(section, name), log.forms, section.type.column)


def _slug(value: str | bool | int | float, forms: LogForms, column: str) -> str:
    """A value as the log's slug for it in a column."""
    text = _text(value)
    return by_normalised(forms.numbered.get(column, {})).get(normalise(text)) or slug(text)


def _text(value: str | bool | int | float) -> str:
    """A value as text: 12.0 is 12, true is as an engine writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def check_counts(use_case: LogUseCase, log: Log, features: Sequence[Feature]) -> None:
    """Checks that counts and reactivity are of events that the log has, under names that no other feature has.

    Raises:
        UseCaseError: A name is that of another feature.
        DataError: A type of events is not in the log.
    """
    taken = {CUSTOMER_ID, ELIGIBLE, *(feature.name for feature in features if feature.family != FAMILY)}
    broken = [
        f"counts.{at}.name: must be another than that of a feature of the log, got {count.name!r}"
        for at, count in enumerate(use_case.counts)
        if count.name in taken or _of_a_trait.fullmatch(count.name)
    ]
    broken += [
        f"counts.{at}.unless: must be another event than event, got {use_case.counts[at].unless!r}"
        for at, count in enumerate(declared_counts(use_case, log))
        if count.unless == count.event
    ]
    if broken:
        raise UseCaseError(use_case.file, broken)
    known = log.encoded.codes
    unknown = [
        f"{key}: must be a type of events of the log ({', '.join(list(known)[:20])}), got {kind!r}"
        for key, kind in _named_types(use_case)
        if type_of(kind, log) not in known
    ]
    if unknown:
        raise DataError(log.source.path, unknown)


def _named_types(use_case: LogUseCase) -> Iterator[tuple[str, str]]:
    """The types of events that counts and reactivity name, each with where it stands."""
    for at, count in enumerate(use_case.counts):
        yield f"counts.{at}.event", count.event
        if count.unless is not None:
            yield f"counts.{at}.unless", count.unless
    if use_case.reactivity is not None:
        yield "reactivity.send", use_case.reactivity.send
        yield from (("reactivity.answer", kind) for kind in use_case.reactivity.answer)


def empty_counts(counts: Sequence[DeclaredCount], rows: pl.DataFrame) -> Iterator[Finding]:
    """A finding on each count that counts nothing in any row: perhaps it names a value that events do not have."""
    for count in counts:
        if not rows[count.name].max():
            detail = "No event of any row is counted: check the values and the days that it names."
            yield Finding("counts_nothing", count.name, "warn", detail, {"rows": rows.height})


def with_fits(events: ir.Table, counts: Sequence[DeclaredCount]) -> ir.Table:
    """Events with a column for each count that asks for properties: whether they have them.

    It is known before lines of an order become one event, which fits where any of its lines does.
    """
    asking = [(at, count) for at, count in enumerate(counts) if count.where]
    return events.mutate(**{f"{_fits}{at}": _has(events, count) for at, count in asking}) if asking else events


def _has(events: ir.Table, count: DeclaredCount) -> ir.Value:
    found: ir.Value = ibis.literal(True)
    for position, levels in count.where:
        found = found & events[f"p{position}"].isin(levels).fill_null(False)
    return found


def count_events(
    known: ir.Table, counts: Sequence[DeclaredCount], types: Mapping[str, str | int], cutoff: str
) -> ir.Table:
    """By customer, how many events each count counts, under `column_of` its position; who has none at all is missing.

    `known` are events before the moment in their column `cutoff`, refunds marked; `types` is each slug in them.
    """
    wanted = {types[kind] for count in counts for kind in count.types}
    rows = known.filter(known.type.isin(sorted(wanted, key=str)), ~known.refund)
    rows = rows.mutate(**{_AGE: rows[cutoff].delta(rows.ts, unit="microsecond")})
    followers = sorted({count.unless for count in counts if count.unless is not None})
    if followers:
        rows = rows.mutate(**{_NEXT + kind: _next(rows, types[kind]) for kind in followers})
    fitting = {
        column_of(at): rows.count(where=_fitting(rows, at, count, types[count.event]))
        for at, count in enumerate(counts)
    }
    return rows.group_by(CUSTOMER_ID).aggregate(**fitting)


def column_of(position: int) -> str:
    """The column of a count by its position."""
    return f"count_{position}"


def _next(rows: ir.Table, kind: str | int) -> ir.Value:
    """The age of a customer's next event of a type from each event on, at the same moment too."""
    onward = ibis.range_window(group_by=rows[CUSTOMER_ID], order_by=rows.ts, preceding=0, following=None)
    return ibis.ifelse(rows.type == kind, rows[_AGE], None).max().over(onward)


def _fitting(rows: ir.Table, at: int, count: DeclaredCount, kind: str | int) -> ir.Value:
    """Which events a count counts."""
    age = rows[_AGE]
    found = (rows.type == kind) & (age <= count.window * 24 * _HOUR)
    if count.where:
        found = found & rows[f"{_fits}{at}"]
    if count.months:
        found = found & rows.ts.month().isin(sorted(count.months))
    if count.periods:
        found = found & _inside(rows, count.periods)
    if count.unless is not None:
        within = count.within * _HOUR
        alone = (age - rows[_NEXT + count.unless] >= within).fill_null(True)
        found = found & (age >= within) & alone
    return found


def _inside(rows: ir.Table, periods: Sequence[tuple[date, date]]) -> ir.Value:
    """Whether an event is on a day of any of some periods, UTC."""
    found: ir.Value = ibis.literal(False)
    for first, last in periods:
        start, end = datetime.combine(first, time()), datetime.combine(last, time()) + timedelta(days=1)
        low, high = (ibis.literal(edge, "timestamp(6)") for edge in (start, end))
        found = found | ((rows.ts >= low) & (rows.ts < high))
    return found
