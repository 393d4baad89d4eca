"""An event of a stream moves the score by id and the card at once, and both say of what moment they are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from scoring.population.days import days_of
from serving.streams.worker import StreamWorker
from tests.support.servers import QUICK, start, stop
from tests.support.streamed import ListSource, messages_of, worker_of

WHO, KNOWN = "visitor", "1"
BEGUN = datetime(2026, 3, 1, 10, 4, 7, 120_000, tzinfo=UTC)


@pytest.fixture
def home(examples_home: Path, tmp_path: Path) -> Path:
    """A home that may be written to."""
    return Path(shutil.copytree(examples_home, tmp_path / "home"))


@pytest.fixture
def client(home: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a server on that home."""
    running = start(home, tmp_path, QUICK)
    with running.client() as opened:
        yield opened
    stop(running)


def purchase(customer: str, at: datetime, amount: float = 20) -> dict[str, Any]:
    """A row of the log."""
    return {"customer_id": customer, "date": at.date().isoformat(), "amount": amount}


def take(worker: StreamWorker, source: ListSource, row: dict[str, Any]) -> None:
    """One event comes, and the worker takes it in."""
    source.messages += messages_of([row], topic=f"more-{len(source.messages)}")
    assert worker.step() == 1


def scores_of(client: httpx.Client, customer: str, **asked: Any) -> dict[str, Any]:
    """What the server says of a customer by id."""
    [result] = client.post("/v1/scores", json={"customer_ids": [customer], **asked}).json()["results"]
    return dict(result)


def card(client: httpx.Client, customer: str, language: str = "en") -> str:
    """The customer's page."""
    answer = client.post(f"/console/customer?language={language}", data={"customer_id": customer})
    assert answer.status_code == 200
    return answer.text


def on_time_line(page: str) -> int:
    """How many events the card's time line counts."""
    [total] = re.findall(r'data-events="(\d+)"', page)
    return int(total)


def test_a_score_by_id_is_of_the_last_event(home: Path, client: httpx.Client) -> None:
    """Its moment is that at which the event was taken in; over HTTP, flat too, explained, and on the card."""
    moment = [BEGUN]
    source = ListSource(messages_of([purchase(WHO, BEGUN - timedelta(days=40))]))
    worker = worker_of(home, source, clock=lambda: moment[0])
    worker.run(once=True)
    first, page = scores_of(client, WHO), card(client, WHO)

    moment[0] += timedelta(seconds=3)
    take(worker, source, purchase(WHO, BEGUN - timedelta(days=1), 90))
    second, later = scores_of(client, WHO), card(client, WHO)
    flat = scores_of(client, WHO, flat=True)
    explained = client.post("/v1/explanations", json={"use_case": "propensity", "customer_id": WHO}).json()
    posted = client.post("/v1/explanations", json={"use_case": "propensity", "customer_id": KNOWN}).json()

    before, after = (result["scores"]["propensity"] for result in (first, second))
    assert (before["as_of"], after["as_of"]) == ("2026-03-01T10:04:07.120Z", "2026-03-01T10:04:10.120Z")
    assert after["score"] > before["score"]
    assert flat["propensity_as_of"] == explained["as_of"] == after["as_of"]
    assert "as_of" not in posted or posted["as_of"] < before["as_of"]
    assert (on_time_line(page), on_time_line(later)) == (1, 2)
    for text, answer in ((page, before), (later, after)):
        assert f'<dd data-part="as-of"><time datetime="{answer["as_of"]}">' in text
        assert re.search(rf'data-part="live-propensity"><data value="{answer["score"]}">', text)
    assert "10:04 UTC" in later
    assert "1 mars 2026" in card(client, WHO, "fr").replace("\xa0", " ").replace("1er", "1")


def test_a_customer_of_the_day_moves_on_from_it(home: Path, client: httpx.Client) -> None:
    """The days stay as they were written; now stands above them, once an event came after them."""
    day = days_of(home)[-1].manifest.as_of
    before = card(client, KNOWN)
    source = ListSource(messages_of([purchase(KNOWN, day + timedelta(hours=20))]))
    worker = worker_of(home, source, clock=lambda: day + timedelta(days=1))
    worker.run(once=True)
    after = card(client, KNOWN)

    days = re.compile(r'data-part="day-\w+"><data value="[\d.]+">')
    assert "live-" not in before
    assert "live-propensity" in after
    assert days.findall(before) == days.findall(after) != []
    assert after.index('data-part="live-') < after.index('data-part="day-')


def test_an_event_that_comes_late_does_not_put_the_card_back(home: Path, client: httpx.Client) -> None:
    """A stream that is replayed as of an earlier moment than the day's moves nothing on it."""
    day = days_of(home)[-1].manifest.as_of
    before = card(client, KNOWN)
    source = ListSource(messages_of([purchase(KNOWN, day - timedelta(days=9))]))
    worker = worker_of(home, source, clock=lambda: day - timedelta(days=2))
    worker.run(once=True)
    after = card(client, KNOWN)

    assert "live-" not in after
    assert on_time_line(before) == on_time_line(after)
