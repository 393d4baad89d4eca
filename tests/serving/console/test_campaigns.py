"""The page Campaigns: what is due, what a list brought, and in the last sentence what to do next."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activation.campaigns.outcome_file import read_outcome_file
from activation.campaigns.outcome_store import take_outcomes
from activation.campaigns.result import campaign_result
from scoring.audiences.campaign import CAMPAIGN, CAMPAIGNS, Campaign
from scoring.audiences.campaign_result import keep_result
from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.barriers import barriers
from tests.support.campaigns import AFTER, answers, ids, planned
from tests.support.servers import Server

NEXT = {
    "en": ("The planned look has come", "contact such customers again", "more orders than without"),
    "fr": ("Le moment prévu est venu", "contactez à nouveau", "commandes de plus que sans campagne"),
}


@pytest.fixture
def measured(server: Server, tmp_path: Path) -> Iterator[dict[str, Campaign]]:
    """One that is due, one that runs, and one with a gain; gone afterwards."""
    home = server.home
    gained = planned(home, salt="gained")
    reported = answers(tmp_path / "o.csv", [*ids("t", 900), *ids("h", 300)], lambda one: 0.2 if one[0] == "t" else 0.08)
    rows = read_outcome_file(reported).rows
    take_outcomes(home, gained, rows, known_to=AFTER, absent="unknown", currency="EUR")
    keep_result(home, campaign_result(home, gained, as_of=AFTER))
    later = (datetime.now(UTC) + timedelta(days=9)).date()
    made = {
        "result": gained,
        "due": planned(home, salt="due", treated=5, held_out=3),
        "running": planned(home, salt="running", treated=6, held_out=2, look=later),
    }
    yield made
    for campaign in made.values():
        shutil.rmtree(home / CAMPAIGNS / campaign.id)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_says_what_it_brought_and_what_to_do_next(
    server: Server, open_page: Open, measured: dict[str, Campaign], language: str
) -> None:
    """What is due first; figures of both arms; without a barrier."""
    seen = open_page(server, "/console/campaigns", language=language)
    stages = seen.page.locator("[data-campaign]").evaluate_all("all => all.map(one => one.dataset.stage)")
    steps = {
        stage: seen.page.locator(f"[data-campaign='{one.id}'] [data-part=next]").inner_text()
        for stage, one in measured.items()
    }
    gained = seen.page.locator(f"[data-campaign='{measured['result'].id}']")
    figures = gained.locator("tbody data").evaluate_all("all => all.map(one => Number(one.value))")

    assert [stage for stage in stages if stage in {"due", "running", "result"}] == sorted(
        stages, key=["due", "running", "result"].index
    )
    assert NEXT[language][0] in steps["due"]
    assert NEXT[language][1] in steps["result"]
    assert NEXT[language][2] in gained.locator("[data-part=brought]").first.inner_text()
    assert figures[0] == 900
    assert figures[4] == 300
    assert figures[2] == pytest.approx(figures[1] / 900)
    assert barriers(seen.page) == []


def test_a_damaged_campaign_is_told(server: Server, open_page: Open, measured: dict[str, Campaign]) -> None:
    """The page says so, and the server goes on."""
    file = server.home / CAMPAIGNS / measured["due"].id / CAMPAIGN
    before = file.read_bytes()
    try:
        file.write_bytes(b"{}")
        text = open_page(server, "/console/campaigns").page.inner_text("main")
    finally:
        file.write_bytes(before)

    assert "cannot be read" in text
