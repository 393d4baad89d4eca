"""A customer's purchases, or other events, on a time line: how many and how much in each period up to a day.

They are differences of the counts that the day keeps as features, so no event has to be kept for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from features.spec.feature import Feature
from scoring.text.formatting import event_forms, quantity
from serving.console.web.i18n import Texts

MOST = 3  # events of a kind of their own, the most frequent first
Values = Mapping[str, object]  # of features by name


@dataclass(frozen=True, slots=True)
class EventPeriod:
    """A stretch of time, from `start` to before `end`; the earliest has no start where none is known."""

    start: str | None  # ISO dates
    end: str
    count: int
    amount: str | None  # with its currency; None where the day keeps no amounts
    height: float  # of the bar, 0..1


@dataclass(frozen=True, slots=True)
class EventLine:
    """One kind of event, the earliest period first."""

    several: str  # what is counted, e.g. purchases
    total: int
    last: str | None  # the day of the last one, an ISO date
    as_of: str
    periods: Sequence[EventPeriod]
    amounts: bool


def event_lines(features: Sequence[Feature], values: Values, as_of: datetime, texts: Texts) -> list[EventLine]:
    """The time lines that a customer's features as of a moment allow, of at least two periods each."""
    found = [line for event in _events(features) if (line := _line(event, features, values, as_of, texts))]
    return sorted(found, key=lambda line: -line.total)[:MOST]


def _events(features: Iterable[Feature]) -> list[str]:
    return list(dict.fromkeys(one.event for one in features if one.family == "frequency" and one.event))


def _line(event: str, features: Sequence[Feature], values: Values, as_of: datetime, texts: Texts) -> EventLine | None:
    counts = _by_window((one for one in features if one.family == "frequency" and one.event == event), values)
    if len(counts) < 2:
        return None
    unit = next((one.unit for one in features if one.family == "monetary"), None)
    amounts = _by_window((one for one in features if one.family == "monetary"), values)
    known = len(_events(features)) == 1 and amounts.keys() == counts.keys()
    periods = list(_periods(counts, amounts if known else {}, unit, _first_day(features, values, as_of), as_of, texts))
    recency = next((one for one in features if one.family == "recency" and one.event == event), None)
    last = _days_before(as_of, values.get(recency.name)) if recency else None
    while len(periods) > 2 and not periods[0].count:
        del periods[0]
    several = event_forms(event, texts.language)[1]
    return EventLine(several, sum(one.count for one in periods), last, _day(as_of), periods, known)


def _by_window(features: Iterable[Feature], values: Values) -> dict[int | None, float]:
    """What is known by window in days, the shortest first; None, last, for all time."""
    found = {one.window_days: values.get(one.name) for one in features if not one.subject}
    known = {days: float(value) for days, value in found.items() if isinstance(value, int | float)}
    return dict(sorted(known.items(), key=lambda entry: (entry[0] is None, entry[0] or 0)))


def _periods(
    counts: Mapping[int | None, float],
    amounts: Mapping[int | None, float],
    unit: str | None,
    first: str | None,
    as_of: datetime,
    texts: Texts,
) -> Iterator[EventPeriod]:
    """The earliest first: each window without the next shorter one."""
    steps = list(pairwise([0, *counts]))
    inside = {longer: counts[longer] - (counts[shorter] if shorter else 0.0) for shorter, longer in steps}
    highest = max(inside.values()) or 1.0
    for shorter, longer in reversed(steps):
        start = first if longer is None else _day(as_of - timedelta(days=longer))
        spent = amounts[longer] - (amounts[shorter] if shorter else 0.0) if amounts else None
        yield EventPeriod(
            start,
            _day(as_of - timedelta(days=shorter or 0)),
            round(inside[longer]),
            None if spent is None else quantity(round(spent, 2) + 0.0, unit, texts.language),
            max(inside[longer], 0.0) / highest,
        )


def _first_day(features: Sequence[Feature], values: Values, as_of: datetime) -> str | None:
    tenure = next((one for one in features if one.family == "tenure"), None)
    return _days_before(as_of, values.get(tenure.name)) if tenure else None


def _days_before(as_of: datetime, days: object) -> str | None:
    return _day(as_of - timedelta(days=days)) if isinstance(days, int | float) else None


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
