"""Streams on the page Health and in `GET /v1/health`: what they do, and since when one does nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import httpx
import pytest
from playwright.sync_api import expect

from scoring.health.health_file import health_path
from serving.stream_state.status import StreamStatus, write_status
from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.servers import Server

RULE = "The body must be JSON as RFC 8259 has it, in UTF-8, with each key once"
WORDS = {
    "en": ("Running since", "Stopped since", "No sign since", "Paused since", "waits for room on the disk"),
    "fr": ("En marche depuis", "Arrêté depuis", "Sans signe depuis", "En pause depuis", "attend de la place"),
}


def ago(**length: int) -> str:
    """A moment before now, as a worker writes it."""
    moment = datetime.now(UTC) - timedelta(**length)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


@pytest.fixture
def streamed_home(server: Server) -> Iterator[Path]:
    """The home with four streams, which has none afterwards."""
    home, place = server.home, "/secret/state.db"
    begun = ago(hours=3)
    one = StreamStatus(
        name="purchases", path=place, at=ago(seconds=1), started=begun, lag=1234, oldest_seconds=7200.0, batch=40,
        applied=5000, duplicates=17, redelivered=3, published=60, dead=2, dead_by_rule={RULE: 2}, customers=900,
    )  # fmt: skip
    write_status(home, one)
    write_status(home, StreamStatus(name="returns", path=place, at=ago(days=1), started=begun, running=False))
    write_status(home, StreamStatus(name="visits", path=place, at=ago(hours=1), started=begun))
    full = StreamStatus(name="clicks", path=place, at=ago(seconds=1), paused="disk", paused_since=ago(minutes=9))
    write_status(home, full)
    yield home
    shutil.rmtree(home / "streams")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_how_each_stream_stands(
    server: Server, streamed_home: Path, open_page: Open, language: str
) -> None:
    """Those that do nothing first; figures, and the rules of dead letters."""
    seen = open_page(server, "/console/health", language=language)
    rows = seen.page.locator("tr[data-stream]")

    states = rows.evaluate_all("all => all.map(one => [one.dataset.stream, one.dataset.state])")
    assert states == [["clicks", "paused"], ["returns", "stopped"], ["visits", "silent"], ["purchases", "running"]]
    text = seen.page.inner_text("main")
    assert [word for word in WORDS[language] if word not in text] == []
    figures = seen.page.locator("tr[data-stream=purchases] data").evaluate_all("all => all.map(one => one.value)")
    assert figures == ["1234", "40", "5000", "17", "3", "60", "0", "900", "2"]
    assert "2\xa0h" in seen.page.inner_text("tr[data-stream=purchases]").replace(" h", "\xa0h")
    expect(seen.page.locator("ul[data-dead=purchases]")).to_contain_text(RULE)


def test_health_over_http_has_the_streams(client: httpx.Client, streamed_home: Path) -> None:
    """By name, with nothing of where their state stands; where monitoring never looked, without the rest."""
    whole = client.get("/v1/health").json()
    found = {one["name"]: one for one in whole["streams"]}
    kept = health_path(streamed_home).read_bytes()
    health_path(streamed_home).unlink()
    try:
        alone = client.get("/v1/health").json()
    finally:
        health_path(streamed_home).write_bytes(kept)

    assert list(found) == ["clicks", "purchases", "returns", "visits"]
    assert [one["state"] for one in found.values()] == ["paused", "running", "stopped", "silent"]
    assert (found["purchases"]["lag"], found["purchases"]["dead_by_rule"]) == (1234, {RULE: 2})
    assert found["clicks"]["paused"] == "disk"
    assert "secret" not in str(whole)
    assert whole["use_cases"]
    assert (alone["as_of"], alone["use_cases"], len(alone["streams"])) == (None, {}, 4)


def test_metrics_have_the_streams(client: httpx.Client, streamed_home: Path) -> None:
    """Once the thread that looks at the files has looked."""
    page = ""
    for _ in range(600):  # times a twentieth of a second: far longer than that takes
        page = client.get("/metrics").text
        if 'penchant_stream_state{stream="visits",worker=""} 2' in page:
            break
        sleep(0.05)

    assert 'penchant_stream_applied_total{stream="purchases",worker=""} 5000' in page
    assert 'penchant_stream_state{stream="purchases",worker=""} 0' in page
