"""Time lines of events: each period holds what happened in it, though only counts of windows are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.feature import Feature
from features.spec.languages import Language
from serving.console.views.event_periods import event_lines
from serving.console.web.i18n import Texts

DAY = datetime(1998, 6, 30, tzinfo=UTC)
WINDOWS = (7, 30, 90, 365, None)


def counts(event: str) -> list[Feature]:
    """The features that count an event."""
    return [
        Feature(f"{event}s_{days}", "integer", "frequency", f"{event}s", event=event, window_days=days)
        for days in WINDOWS
    ]


FEATURES = [
    *counts("purchase"),
    *(Feature(f"monetary_{days}", "number", "monetary", "EUR", window_days=days) for days in WINDOWS),
    Feature("days_since_purchase", "number", "recency", "days", event="purchase"),
    Feature("tenure_days", "number", "tenure", "days"),
]


def values(events: list[tuple[float, int]]) -> dict[str, float | int]:
    """The features of events, each so many days before the day and of so many cents."""
    found: dict[str, float | int] = {}
    for days in WINDOWS:
        inside = [cents for age, cents in events if days is None or age <= days]
        found |= {f"purchases_{days}": len(inside), f"monetary_{days}": sum(inside) / 100}
    ages = [age for age, _ in events]
    return {**found, "days_since_purchase": min(ages), "tenure_days": max(ages)}


EVENTS = st.lists(st.tuples(st.floats(0.1, 900), st.integers(0, 99_999)), min_size=1, max_size=30)


@given(events=EVENTS, language=st.sampled_from(["en", "fr"]))
def test_a_period_holds_the_events_in_it(events: list[tuple[float, int]], language: Language) -> None:
    """None is lost and none counted twice; the highest bar is the fullest period's."""
    texts = Texts(language)
    (line,) = event_lines(FEATURES, values(events), DAY, texts)

    assert sum(period.count for period in line.periods) == line.total == len(events)
    assert line.last == (DAY - timedelta(days=min(age for age, _ in events))).date().isoformat()
    assert max(period.height for period in line.periods) == 1.0
    bounds = [0, *(days for days in WINDOWS if days), 10_000]
    for period, (low, high) in zip(reversed(line.periods), pairwise(bounds), strict=False):
        inside = [cents for age, cents in events if low < age <= high]
        assert period.end == (DAY - timedelta(days=low)).date().isoformat()
        assert period.count == len(inside)
        assert period.amount == f"{texts.number(round(sum(inside) / 100, 2), 2)} EUR"


def test_empty_periods_before_the_first_event_are_left_out() -> None:
    """A newcomer's line begins near the first event, with the period before it for comparison."""
    (line,) = event_lines(FEATURES, values([(3.0, 500)]), DAY, Texts("en"))

    assert [period.count for period in line.periods] == [0, 1]


def test_amounts_are_shown_where_one_kind_of_event_makes_them() -> None:
    """With visits beside purchases nobody knows whose the amounts are."""
    known = values([(3.0, 500), (20.0, 700)])
    visits = {f"visits_{days}": 9 for days in WINDOWS}
    lines = event_lines([*FEATURES, *counts("visit")], {**known, **visits}, DAY, Texts("en"))

    assert [line.total for line in lines] == [9, 2]
    assert {period.amount for line in lines for period in line.periods} == {None}


@pytest.mark.parametrize("missing", [{}, {"purchases_7": 1}, {"purchases_7": None, "purchases_None": 3}])
def test_too_few_windows_make_no_line(missing: dict[str, int | None]) -> None:
    """A use case of a table, or a customer of whom nothing is kept."""
    assert event_lines(FEATURES, missing, DAY, Texts("en")) == []
