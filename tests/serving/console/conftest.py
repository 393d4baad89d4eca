"""A server with full bundles and a real Chromium, which keeps a log of all it asked for and all it complained of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from serving.customers.feature_store import put
from tests.support.days import made, released, write_customers
from tests.support.looked_at import look_at
from tests.support.models import shop_rows
from tests.support.moved_days import write_moved_day
from tests.support.servers import Server, start, stop
from tests.support.shop import freeze_segments, note_verdicts, release_full_shop

LANGUAGES = ("en", "fr")
LOCALES = {"en": "en-GB", "fr": "fr-FR"}
QUICK = {"PENCHANT_DRAIN_SECONDS": "0.1", "PENCHANT_POLL_SECONDS": "0.1", "PENCHANT_DECISIONS": "on"}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two full releases, and two versions of one; read only."""
    folder, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_full_shop(folder, "propensity", scratch=scratch)
    release_full_shop(folder, "churn", "1", scratch=scratch, polarity="negative", seed=2)
    release_full_shop(folder, "churn", "2", scratch=scratch, polarity="negative", seed=1)
    freeze_segments(folder, scratch)
    note_verdicts(folder)
    write_moved_day(folder, datetime(2026, 2, 1, tzinfo=UTC), seed=9)
    made(folder, released(folder, "churn", "propensity"), write_customers(scratch / "customers.parquet"))
    known = next(row for row in shop_rows(50, seed=5) if None not in row.values() and row["days_since_purchase"] < 300)
    look_at(folder, days=365)
    put(folder, list(known), [("known-1", list(known.values()))], as_of=time.time())
    return folder


@pytest.fixture(scope="session")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server on that home."""
    running = start(home, tmp_path_factory.mktemp("server"), QUICK)
    yield running
    stop(running)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of the server."""
    with server.client() as opened:
        yield opened


@dataclass
class Seen:
    """A browser's page with all it asked for and complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def told(self, part: str) -> str:
        """The exact value the first element of a part carries."""
        return self.page.locator(f"{part} data").first.get_attribute("value") or ""


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens pages in contexts of their own; afterwards nothing was complained of and nothing was asked elsewhere."""
    opened: list[tuple[Seen, str]] = []

    def opener(
        server: Server, path: str = "/console/", *, language: str = "en", width: int = 1280, **options: Any
    ) -> Seen:
        context = browser.new_context(viewport={"width": width, "height": 900}, locale=LOCALES[language], **options)
        context.set_default_timeout(15_000)
        seen = Seen(context.new_page())
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        opened.append((seen, server.url))
        seen.page.goto(server.url + path)
        return seen

    yield opener
    for seen, url in opened:
        seen.page.context.close()
        assert [text for text in seen.complaints if "status of 4" not in text] == []
        assert [address for address in seen.asked if not address.startswith((url + "/", "blob:", "data:"))] == []


@pytest.fixture(scope="session")
def profile() -> dict[str, Any]:
    """A customer with every feature known, whom both models speak of."""
    row = next(row for row in shop_rows(50, seed=5) if None not in row.values() and row["days_since_purchase"] < 300)
    return {"customer_id": "c-1", "features": {**row, "purchases_90d": 3}}


def unfold(seen: Seen) -> None:
    """Opens what the customer's page folds away once customers can be found by id."""
    if seen.page.locator("details.advanced:not([open])").count():
        seen.page.click("details.advanced > summary")


def score(seen: Seen, profile: Any) -> None:
    """Pastes a profile and scores it, as a person would."""
    unfold(seen)
    seen.page.fill("#profile", json.dumps(profile, ensure_ascii=False))
    seen.page.click("#content form:has(#profile) button")
    seen.page.wait_for_selector("[data-use-case], [role=alert], [role=status]")


@contextmanager
def running(home: Path, scratch: Path, *, ready: bool = True) -> Iterator[Server]:
    """A server on another home."""
    server = start(home, scratch, QUICK, ready=ready)
    try:
        yield server
    finally:
        stop(server)
