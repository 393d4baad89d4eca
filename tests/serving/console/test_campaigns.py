"""The page Campaigns: what is due, what a list brought, and in the last sentence what to do next."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from activation.campaigns.outcome_file import read_outcome_file
from activation.campaigns.outcome_store import take_outcomes
from activation.campaigns.result import campaign_result
from scoring.audiences.campaign import CAMPAIGN, CAMPAIGNS, Campaign
from scoring.audiences.campaign_result import SegmentEffect, keep_result, result_of
from tests.serving.console.conftest import LANGUAGES, Open
from tests.support.barriers import barriers
from tests.support.campaigns import AFTER, answers, ids, planned
from tests.support.servers import Server

NEXT = {
    "en": {
        "gain": "Go on: contact such customers again",
        "null": "Stop, or repeat it with about 4,800 customers",
        "early": "Wait until",
        "invalid": "Conclude nothing: outcomes are missing of 0 treated and 100 held out",
        "due": "The planned look has come",
        "running": "Wait, and change nothing before",
    },
    "fr": {
        "gain": "Continuez : contactez à nouveau",
        "null": "Arrêtez, ou recommencez avec environ 4 800 clients",
        "early": "Attendez le",
        "invalid": "Ne concluez rien : il manque les issues de 0 clients traités et de 100",
        "due": "Le moment prévu est venu",
        "running": "Attendez, et ne changez rien",
    },
}
BROUGHT = {"en": "more orders than without", "fr": "commandes de plus que sans campagne"}
A_CONTACT = {
    "en": r"([\d.]+) EUR a contact, between ([\d.]+) EUR and ([\d.]+) EUR",
    "fr": r"([\d,]+) EUR par contact, entre ([\d,]+) EUR et ([\d,]+) EUR",
}
STAGES = {
    "gain": "result",
    "null": "result",
    "invalid": "result",
    "early": "running",
    "due": "due",
    "running": "running",
}
WORTH = 0.12 * 40  # of a contact, as planted


def lifted(customer: str) -> float:
    """The planted rates: 20% of the treated, 8% of the held out."""
    return 0.2 if customer[0] == "t" else 0.08


def reported(home: Path, folder: Path, campaign: Campaign, rate: Callable[[str], float], held_out: int = 300) -> None:
    """Outcomes taken in, and the result kept."""
    file = answers(folder / "o.csv", [*ids("t", 900), *ids("h", held_out)], rate)
    take_outcomes(home, campaign, read_outcome_file(file).rows, known_to=AFTER, absent="unknown", currency="EUR")
    keep_result(home, campaign_result(home, campaign, as_of=AFTER))


@pytest.fixture
def measured(server: Server, tmp_path: Path) -> Iterator[dict[str, Campaign]]:
    """A gain, nothing shown, one that comes too early, one that is invalid; one due, one running. Gone afterwards."""
    home, later = server.home, (datetime.now(UTC) + timedelta(days=9)).date()
    made = {name: planned(home, salt=name) for name in ("gain", "null", "invalid")}
    made["early"] = planned(home, salt="early", look=later)
    reported(home, tmp_path, made["gain"], lifted)
    kept = result_of(home, made["gain"])
    assert kept
    inside = SegmentEffect(segment="at_risk", treated=90, control=30, rate=0.1, interval=(0.02, 0.19))
    keep_result(home, msgspec.structs.replace(kept, segments=(inside,)))
    reported(home, tmp_path, made["null"], lambda _: 0.1)
    reported(home, tmp_path, made["invalid"], lifted, held_out=200)
    reported(home, tmp_path, made["early"], lifted)
    made |= {
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
    """What is due first; the page alone says what to do, figures of both arms, money a contact; without a barrier."""
    seen = open_page(server, "/console/campaigns", language=language)
    stages = seen.page.locator("[data-campaign]").evaluate_all("all => all.map(one => one.dataset.stage)")
    cards = {name: seen.page.locator(f"[data-campaign='{one.id}']") for name, one in measured.items()}
    steps = {name: card.locator("[data-part=next]").inner_text() for name, card in cards.items()}
    segments = (
        cards["gain"].locator("[data-part=segments] data").evaluate_all("all => all.map(one => Number(one.value))")
    )
    figures = cards["gain"].locator("tbody data").evaluate_all("all => all.map(one => Number(one.value))")
    brought = cards["gain"].locator("[data-part=brought]").all_inner_texts()

    assert stages == sorted(stages, key=["due", "running", "result"].index)
    assert {name: card.get_attribute("data-stage") for name, card in cards.items()} == STAGES
    assert all(words in " ".join(steps[name].split()) for name, words in NEXT[language].items()), steps
    assert BROUGHT[language] in brought[0]
    found = re.search(A_CONTACT[language], " ".join(" ".join(brought).split()))
    assert found
    value, low, high = (float(one.replace(",", ".")) for one in found.groups())
    assert low < value < high
    assert low < WORTH < high
    assert segments == [120, 0.1, 0.02, 0.19]
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
