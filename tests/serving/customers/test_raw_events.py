"""What a posted history says is looked at: another's events are refused, one that comes twice counts once."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from scoring.answers.served_release import Live
from serving.api.use_case_document import use_case_document
from serving.customers.raw_events import prepare
from tests.support.models import release_log
from tests.support.worlds import log_case, purchases

FIRST = {"ts": "2024-05-05", "amount": 20, "order_id": 1}
SECOND = {"ts": "2024-06-10", "amount": 30, "order_id": 2}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """A use case on a log with the ids of its orders."""
    folder = tmp_path_factory.mktemp("log")
    events = purchases(120).with_columns(order_id=pl.int_range(pl.len()), allergy=pl.lit("nuts"))
    section = {"id": "order_id", "customer_id": "client", "properties": ["allergy"]}
    return release_log(folder, log_case(folder, events.rename({"customer_id": "client"}), events=section))


def made(live: Live, *events: dict[str, Any], customer: Any = "7") -> Any:
    """The features of a posted history, or its errors."""
    profile = {"customer_id": customer, "as_of": "2024-07-01", "events": list(events)}
    [prepared] = prepare([profile], {"case": live}, ["case"])
    return prepared.features.get("case") or [error["field"] for error in prepared.answers["case"]["errors"]]


@pytest.mark.parametrize(
    "again",
    [
        FIRST,
        {**FIRST, "amount": 20.0},
        {**FIRST, "order_id": "1"},
        {**FIRST, "order_id": 1.0},
        {**FIRST, "ts": "2024-05-05T00:00:00"},
        {**FIRST, "ts": "2024-05-05T02:00:00+02:00"},
    ],
    ids=["as it was", "20.0", "id as text", "id as float", "with a time", "in another zone"],
)
def test_an_event_that_comes_twice_counts_once(live: Live, again: dict[str, Any]) -> None:
    """However JSON spells it."""
    assert made(live, FIRST, again, SECOND) == made(live, FIRST, SECOND)


def test_events_that_differ_count_each(live: Live) -> None:
    """Under one id, and without any."""
    assert made(live, FIRST, {**FIRST, "amount": 21}) != made(live, FIRST)
    without = {key: value for key, value in FIRST.items() if key != "order_id"}
    assert made(live, without, without) != made(live, without)


def test_events_of_another_customer_are_refused(live: Live) -> None:
    """By the log's own column; the customer's own id may stand there in any spelling."""
    assert made(live, {**FIRST, "client": "9999"}, {**SECOND, "client": 8}) == ["events[0].client", "events[1].client"]
    assert made(live, {**FIRST, "client": 7.0}, SECOND) == made(live, FIRST, SECOND)
    assert made(live, {**FIRST, "client": " 7"}, SECOND, customer=7) == made(live, FIRST, SECOND)


def test_what_training_left_out_may_be_posted_and_counts_nothing(live: Live) -> None:
    """A client that goes on sending a sensitive column is answered as before it knew of none."""
    assert made(live, {**FIRST, "allergy": "nuts"}, {**SECOND, "allergy": None}) == made(live, FIRST, SECOND)
    assert made(live, {**FIRST, "religion": "any"}) == ["events[0]"]


def test_one_column_under_two_names_must_say_one_thing(live: Live) -> None:
    """Which of two moments was meant?"""
    assert made(live, {**FIRST, "timestamp": "2023-01-01"}) == ["events[0].ts"]
    assert made(live, {**FIRST, "timestamp": "2024-05-05"}) == made(live, FIRST)


def test_the_document_names_the_id_of_events(live: Live) -> None:
    """Who posts a history can know that it may say so."""
    described = use_case_document(live).events

    assert described
    names = [field["name"] for field in described["fields"]]

    assert "order_id" in names
