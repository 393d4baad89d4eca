"""Where customers stand, as columns and back."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.membership import Membership, membership_after
from scoring.audiences.stands import StandsBefore, stand_columns, stands_of
from scoring.segments.policy import Assignment
from scoring.segments.repeated import Repeated
from tests.scoring.audiences.test_snapshot import DAY, policy_of

SEGMENTS = policy_of().ordered
PLACES = st.sampled_from(
    [
        Assignment(),
        Assignment(SEGMENTS[:1]),
        Assignment(SEGMENTS[1:2]),
        Assignment((SEGMENTS[0], SEGMENTS[2])),
        Assignment(also=SEGMENTS[2:]),
        Assignment(SEGMENTS[:1], SEGMENTS[2:]),
    ]
)


def lived(places: list[Assignment]) -> list[Membership]:
    """One customer placed day by day."""
    stands: list[Membership] = []
    for day, place in enumerate(places):
        stands.append(membership_after(place, stands[-1] if stands else None, DAY + timedelta(days=day)))
    return stands


@given(st.lists(st.lists(PLACES, min_size=2, max_size=4), max_size=6))
def test_stands_come_back_from_their_columns(lives: list[list[Assignment]]) -> None:
    """Segment, path, dates of entry and where from; whoever is asked for has their own, a stranger none."""
    rows = [(places[-1], lived(places)[-2], lived(places)[-1]) for places in lives]
    customers = pa.array([f"c{row}" for row in range(len(rows))], pa.string())

    columns = stand_columns(Repeated.of(rows))
    table = pa.table({CUSTOMER_ID: customers, **columns})
    before = StandsBefore(table)
    asked = pa.array(["nobody", *reversed(customers.to_pylist()[1:])], pa.string())

    stands = [now for _, _, now in rows]
    assert list(stands_of(table)) == stands
    assert list(before.of(asked)) == [None, *reversed(stands[1:])]
    assert before.gone == min(1, len(rows))
    assert columns["path"].to_pylist() == [[segment.code for segment in place.path] for place, _, _ in rows]


def test_dates_tell_stands_apart() -> None:
    """Two customers in the same segments since other days stand otherwise."""
    place = Assignment(SEGMENTS[:1])
    first, second = (membership_after(place, None, day) for day in (date(2026, 1, 1), date(2026, 1, 2)))
    columns = stand_columns(Repeated.of([(place, None, first), (place, None, second), (place, None, first)]))

    stands = stands_of(pa.table(columns))

    assert (len(stands.values), list(stands)) == (2, [first, second, first])
