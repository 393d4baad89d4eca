"""The page Deliveries: the last sync, what was rejected and why, and what is to be sent next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from scoring.audiences.deliveries.delivery_record import (
    DELIVERIES,
    DeliveryRecord,
    DeliveryReport,
    RejectedRows,
    keep_record,
)
from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.barriers import barriers
from tests.support.servers import Server

AT = datetime(2026, 5, 1, tzinfo=UTC)
NEXT = {"en": "sends this plan", "fr": "envoie ce plan"}


@pytest.fixture
def delivered(server: Server) -> Iterator[None]:
    """A destination that was synced, and planned anew since."""
    left = {"no_consent": 12, "suppressed": 0, "holdout": 0, "no_address": 3}
    synced = DeliveryReport(
        adds=90, updates=4, removes=2, left_out=left, calls=5, acknowledged=95, rejected=(RejectedRows("malformed", 1),)
    )
    planned = DeliveryReport(adds=7, updates=0, removes=1, left_out=left, calls=2)
    record = DeliveryRecord(
        name="newsletter",
        kind="mailchimp",
        audience="loyal",
        synced=synced,
        synced_at=AT,
        planned=planned,
        planned_at=AT,
        members=92,
    )
    keep_record(server.home, record)
    yield
    (server.home / DELIVERIES / "newsletter.json").unlink()


@pytest.mark.usefixtures("delivered")
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_shows_the_last_sync_and_the_plan_before_it_is_sent(server: Server, open_page: Open, language: str) -> None:
    """Figures, reasons of those rejected, and what is next; without a barrier."""
    seen = open_page(server, "/console/deliveries", language=language)
    card = seen.page.locator("[data-destination=newsletter]")
    figures = {
        kind: card.locator(f"[data-part={kind}] data").evaluate_all("all => all.map(one => Number(one.value))")
        for kind in ("synced", "planned")
    }

    assert figures == {"synced": [90, 4, 2, 95, 5], "planned": [7, 0, 1, 2]}
    assert "malformed" in card.locator("[data-part=rejected]").inner_text()
    assert "12" in card.locator("[data-part=left-out]").first.inner_text()
    assert NEXT[language] in card.locator("[data-part=next]").inner_text()
    assert barriers(seen.page) == []
