"""The sections of a use case on logs, as they seem to be: each log's own, the profiles, and the question."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis

from features.columns.expressions import as_id, as_moment, slug
from features.config.use_case import Quality
from features.scaffold.role_inference import RoleGuess, event_of
from features.scaffold.toml_lines import listed, named, not_iso, or_too, quoted, relative_path
from features.sources.engine import engine, frame
from features.sources.source import open_source, reading

_rungs = {7: 60, 14: 90, 30: 180, 60: 365, 90: 365, 180: 365, 365: 730, 730: 1460}  # prediction to observation, days
_BOUGHT = "purchase"  # what all events of a log are that has no column of types, as far as they have amounts


@dataclass(frozen=True, slots=True)
class FoundLog:
    """A file that seems to hold events, and what they are called."""

    file: Path
    guessed: RoleGuess
    only: str  # the type of all its events, where none of its columns has types
    name: str | None = None

    @property
    def types(self) -> set[str]:
        """The types that its first rows show, as slugs."""
        kind = self.guessed.kind
        return {self.only} if kind is None else {slug(level) for level in kind.cells.unique().to_list()}

    @property
    def event(self) -> str:
        """The type of its events that seems worth predicting, as the use case has it."""
        own = self.only if self.guessed.kind is None else event_of(self.guessed.kind)
        return own if self.name is None else f"{self.name}_{own}"


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long a log runs and how far apart the events of one customer lie, in days."""

    days: float
    between: float | None


def only_type(file: Path, guessed: RoleGuess, *, alone: bool) -> str:
    """What all events of a log may be called: purchases where they have amounts or it is alone, else its file."""
    return _BOUGHT if alone or guessed.amount else slug(file.name.partition(".")[0]) or _BOUGHT


def log_sections(logs: Sequence[FoundLog], target: Path, profiles: Sequence[str] = ()) -> list[str]:
    """The sections of a use case on logs that predicts an event of the first of them."""
    first = logs[0]
    pace = _pace(first.file, first.guessed)
    prediction, observation = _windows(pace)
    return [
        *(line for log in logs for line in _events(log, target, several=len(logs) > 1)),
        *profiles,
        "[window]",
        f'observation = "{observation}d"',
        'gap = "0d"  # time needed to act',
        f'prediction = "{prediction}d"{_why(pace)}',
        "",
        "[label]",
        f"event = {quoted(first.event)}",
        'outcome = "present"  # "absent" for churn, with polarity "negative" and',
        f'#                       [eligible] active_within = "{prediction}d"',
        "",
        "# [[counts]]  # a feature of your own: these events, counted; docs/guide/your-own-data.md has all keys",
        '# name = "in_december"',
        f"# event = {quoted(first.event)}",
        "# months = [12]",
        *_blanks([log.guessed for log in logs]),
    ]


def columns_to_choose(logs: Sequence[FoundLog]) -> list[str]:
    """The columns of logs of which one must still be filled in, as comments."""
    lacking = [log.guessed for log in logs if not (log.guessed.moment and log.guessed.customer)]
    return [line for guessed in lacking for line in listed(guessed)]


def profile_section(file: Path, target: Path, guessed: RoleGuess) -> list[str]:
    """The section of a file with one row per customer."""
    return [
        "[profiles]  # one row per customer",
        f"path = {relative_path(file, target)}",
        named("customer_id", guessed.customer),
        '# valid_from = "..."  # since when a row holds; without it it is of today, which may tell the outcome',
        "",
    ]


def _events(log: FoundLog, target: Path, *, several: bool) -> list[str]:
    guessed = log.guessed
    kind = (
        f"{{ column = {quoted(guessed.kind.name)} }}"
        if guessed.kind
        else f'{quoted(log.only)}  # or {{ column = "..." }}'
    )
    number = guessed.number.name if guessed.number else "..."
    named_so = [f"name = {quoted(log.name)}  # stands before its types: {log.event}"] if log.name else []
    return [
        "[[events]]  # one row per event; one section for each log" if several else "[events]  # one row per event",
        *named_so,
        f"path = {relative_path(log.file, target)}",
        named("customer_id", guessed.customer),
        named("timestamp", guessed.moment) + or_too(guessed.moment_too),
        *not_iso(guessed.moment),
        f"type = {kind}",
        f"amount = {quoted(guessed.amount.name)}" if guessed.amount else '# amount = "..."',
        *_order(guessed),
        f"# id = {quoted(number)}  # rows with the same id and content are duplicates",
        *(['# links = "links.csv"  # where ids are written otherwise than in the other logs: who is who'] * several),
        "",
    ]


def _order(guessed: RoleGuess) -> list[str]:
    order = guessed.order
    return [] if order is None else [f"order = {quoted(order.name)}  # its rows are lines of one purchase"]


def _blanks(each: Sequence[RoleGuess]) -> list[str]:
    """The share of bad rows to tolerate, where more than the default say no customer."""
    customers = [guessed.customer for guessed in each if guessed.customer is not None]
    share = max((1 - len(customer.cells) / customer.rows for customer in customers), default=0.0)
    if share <= Quality().bad_rows:
        return []
    line = f"bad_rows = {math.ceil(share * 10) / 10 + 0.1:.1f}  # {share:.0%} of the first rows say no customer"
    return ["", "[quality]", line]


def _pace(file: Path, guessed: RoleGuess) -> _Pace | None:
    """Of a log whose moments can be read; days with several events of a customer count once."""
    if guessed.customer is None or guessed.moment is None:
        return None
    with engine() as backend:
        source, written = open_source(backend, file), guessed.moment.written
        cells = source.column(guessed.moment.name)
        moment = as_moment(cells, written)
        if moment is None:
            return None
        with reading(file):
            rows = source.table.select(customer=as_id(source.column(guessed.customer.name)), day=moment.date())
            each = rows.filter(rows.customer.notnull() & rows.day.notnull()).group_by("customer")
            spans = each.aggregate(n=ibis._.day.nunique(), first=ibis._.day.min(), last=ibis._.day.max())
            days = frame(spans.select("n", "first", "last"))
    if days.is_empty():
        return None
    gaps = int((days["n"] - 1).sum())
    within = int((days["last"] - days["first"]).dt.total_days().sum())
    first, last = (float(days[name].to_physical().quantile(q) or 0) for name, q in (("first", 0.01), ("last", 0.99)))
    return _Pace(last - first, within / gaps if gaps else None)


def _windows(pace: _Pace | None) -> tuple[int, int]:
    """Prediction and observation window: twice the usual time between events, as far as the log is long enough."""
    if pace is None:
        return 90, _rungs[90]
    room = [rung for rung in _rungs if 4 * rung <= pace.days] or [min(_rungs)]
    wanted = 90 if pace.between is None else next((rung for rung in _rungs if rung >= 2 * pace.between), max(_rungs))
    prediction = min(wanted, room[-1])
    return prediction, _rungs[prediction]


def _why(pace: _Pace | None) -> str:
    if pace is None or pace.between is None:
        return ""
    return f"  # a customer's events lie {pace.between:.0f} days apart on average"
