"""The page Personas, and a segmentation in a server: answers by it, swapped and refused as releases are."""

from __future__ import annotations

import html
import json
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import jsonschema
import polars as pl
import pytest

from features.spec.languages import Language
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live, attach, open_live
from scoring.bundle.families import OTHER_FACTORS
from scoring.population.days import days_of
from scoring.population.read_days import day_rows
from scoring.segments.rules import Rule
from scoring.segments.segmentation_release import load_segmentation
from serving.console.personas.group_values import group_values
from serving.console.personas.persona_board import GRID, persona_board
from serving.console.personas.priorities import posted_priorities, read_priorities
from serving.console.views.rule_words import rule_words
from serving.console.web.i18n import Texts
from serving.console.web.render import page
from serving.worker.request_context import CONTEXT, RequestContext
from tests.serving.console.conftest import QUICK
from tests.support.answers import contract, is_problem
from tests.support.days import made, released
from tests.support.models import release_shop, shop_rows
from tests.support.segmented import NAMES, release_habits
from tests.support.servers import Server, start, stop
from tests.support.stored import table
from tests.support.value import with_value

PROFILES = [{"customer_id": f"c{number}", "features": row} for number, row in enumerate(shop_rows(30, seed=4))]


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a use case and a segmentation."""
    folder, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("scratch")
    release_shop(folder, "churn", scratch=scratch, polarity="negative", seed=1)
    release_habits(folder, scratch)
    return folder


@pytest.fixture(scope="module")
def running(segmented: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on it."""
    server = start(segmented, tmp_path_factory.mktemp("server"), QUICK)
    yield server
    stop(server)


@pytest.fixture
def asking(running: Server) -> Iterator[httpx.Client]:
    """A client of it."""
    with running.client() as opened:
        yield opened


def scored(asking: httpx.Client, **body: Any) -> Any:
    """The answer of a call that succeeds."""
    answer = asking.post("/v1/scores", json={"profiles": PROFILES, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_answers_have_the_clusters_of_batch(asking: httpx.Client, segmented: Path) -> None:
    """By HTTP what the core says, in the form of the contract; in an explanation too."""
    document = scored(asking, reasons=3)

    expected = score_profiles(open_live(segmented, ["churn"]), PROFILES, reasons=3)
    assert [row["discovered"] for row in document["results"]] == [row["discovered"] for row in expected]
    jsonschema.validate(document, contract("scores"))
    explained = asking.post("/v1/explanations", json={"use_case": "churn", "profile": PROFILES[0]}).json()
    jsonschema.validate(explained, contract("explanation"))
    place = explained["discovered"]["habits"]
    assert abs(sum(one["contribution"] for one in place["reasons"]) - place["margin"]) <= 1e-9
    assert "DiscoveredPlace" in asking.get("/openapi.json").json()["components"]["schemas"]


@pytest.mark.parametrize(("language", "name"), [("en", "Recent, frequent"), ("fr", "Récents, fréquents")])
def test_the_page_shows_groups_and_keeps_priorities(
    asking: httpx.Client, segmented: Path, language: str, name: str
) -> None:
    """Sheets in both languages, a small group with its size alone; what a form gives is shown again."""
    address = f"/console/personas?segmentation=habits&language={language}"

    given = asking.post(address, data={"relevance-group_1": "5", "relevance-group_2": "9", "relevance-other": "1"})

    assert given.status_code == 200
    assert read_priorities(segmented, "habits") == {"group_1": 5}
    shown = asking.get(address).text
    assert name in shown
    assert shown.count('data-part="rate"') == 2
    assert 'value="5" selected' in shown
    assert shown.count('data-part="small"') == 1


@pytest.mark.parametrize(
    ("language", "heading", "share"), [("en", "What they write about", "41%"), ("fr", "De quoi ils parlent", "41 %")]
)
def test_the_page_shows_what_groups_write_about(asking: httpx.Client, language: str, heading: str, share: str) -> None:
    """Themes by their words, with the shares of the group and of all; a small group has none."""
    shown = html.unescape(asking.get(f"/console/personas?segmentation=habits&language={language}").text)
    shown = re.sub("[\u00a0\u202f]", " ", shown)

    assert shown.count(f">{heading}<") == shown.count('data-part="themes"') == 2
    table = shown.split('data-part="themes"')[1].split("</table>")[0]
    assert "retard, colis, remboursement" in table
    assert table.index(share) < table.index("service, thank")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_card_says_which_group_and_why(asking: httpx.Client, language: str) -> None:
    """As the answer does: its label, that of the nearest other, and at most three reasons in words."""
    place = scored(asking, reasons=3, language=language)["results"][0]["discovered"]["habits"]

    posted = {"profile": json.dumps(PROFILES[0])}
    for name in ("customer", "export"):
        shown = html.unescape(asking.post(f"/console/{name}?language={language}", data=posted).text)
        card = shown.split('data-discovered="habits"')[1].split("</section>")[0].replace("\u00a0", " ")
        assert f'data-part="group">{place["label"]}<' in card
        assert NAMES[place["next"]][language] in card
        reasons = [one["text"].replace("\u00a0", " ") for one in place["reasons"] if one["feature"] != OTHER_FACTORS]
        assert len(reasons) == card.count("reason-text") == 3
        assert all(f">{text}<" in card for text in reasons)


def _peopled(home: Path, scratch: Path) -> dict[str, Live]:
    """The use case; the home has two days of the posted customers from now on."""
    live = open_live(home, ["churn"])
    if not days_of(home):
        table(shop_rows(30, seed=4), [f"c{number}" for number in range(30)]).write_parquet(
            scratch / "customers.parquet"
        )
        for moment in (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC)):
            made(home, live, scratch / "customers.parquet", moment)
    return live


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_look_up_says_the_group_of_each_day(
    asking: httpx.Client, segmented: Path, language: Language, tmp_path: Path
) -> None:
    """What the day holds; words where its features are kept, which add up to the margin as in any answer."""
    live, ids = _peopled(segmented, tmp_path), [profile["customer_id"] for profile in PROFILES]

    found = asking.post("/v1/customers/lookup", json={"customer_ids": ids, "language": language})

    assert found.status_code == 200, found.text
    answers = score_profiles(live, PROFILES, reasons=3, language=language)
    for one, answer in zip(found.json()["customers"], answers, strict=True):
        place = answer["discovered"]["habits"]
        before, latest = (day["discovered"]["habits"] for day in one["days"])
        assert {name: latest[name] for name in ("code", "label", "margin", "next", "reasons")} == {
            name: value for name, value in place.items() if name != "version"
        }
        assert latest["next_label"] == NAMES[place["next"]][language]
        assert before == {**latest, "reasons": []}


def test_a_list_is_of_a_group_where_asked(asking: httpx.Client, segmented: Path, tmp_path: Path) -> None:
    """Nobody of another; the log of what left and the campaign say which, as do pages of the same."""
    _peopled(segmented, tmp_path)
    asked = {"use_case": "churn", "cluster": "habits.group_2"}

    answer = asking.post("/v1/lists", json={**asked, "top": 30, "holdout": 0.2, "salt": "groups"})

    assert answer.status_code == 200, answer.text
    found = answer.json()
    page_of = asking.get("/v1/customers", params=asked).json()
    ids = {one["customer_id"] for one in found["customers"]} | set(found["holdout_ids"])
    assert ids == {one["customer_id"] for one in page_of["customers"]}
    assert (
        json.loads((segmented / "segments/exports.jsonl").read_text().splitlines()[-1])["cluster"] == asked["cluster"]
    )
    campaign = json.loads((segmented / "campaigns" / found["campaign"] / "campaign.json").read_bytes())
    assert campaign["list"]["cluster"] == asked["cluster"]
    for wrong in ("habits.group_9", "habits"):
        refused = asking.post("/v1/lists", json={**asked, "cluster": wrong, "top": 3})
        assert is_problem(refused, 422, "invalid-request")["errors"][0]["pointer"] == "/cluster"
    listed = asking.get("/openapi.json").json()["components"]["schemas"]["ListRequest"]
    assert "cluster" in listed["properties"]


def test_a_stranger_is_no_segmentation(asking: httpx.Client) -> None:
    """A 404, with those there are."""
    assert asking.get("/console/personas?segmentation=other").status_code == 404


def test_rules_on_groups_are_read_in_words(segmented: Path) -> None:
    """By what a group is called, and as a margin."""
    rule: Rule = (
        "and",
        ("compare", "=", ("column", "discovered.habits"), ("literal", "group_1")),
        ("compare", ">", ("column", "discovered.habits_margin"), ("literal", 0.5)),
    )
    served = open_live(segmented, ["churn"])

    assert rule_words(rule, served, Texts("en")) == (
        "Group of habits Recent, frequent and margin of the group of habits above 0.5"
    )
    assert "Groupe de habits : Récents, fréquents" in rule_words(rule, served, Texts("fr")).replace("\u00a0", " ")


def test_a_new_release_is_taken_and_a_bad_one_is_not(
    running: Server, asking: httpx.Client, segmented: Path, tmp_path: Path
) -> None:
    """While scores go on; what was refused stands in the log."""
    release_habits(segmented, tmp_path, "2", differ=False)
    _wait(lambda: _version(asking) == "2")
    assert 'data-part="no-sheets"' in asking.get("/console/personas").text

    shutil.copytree(segmented / "releases/habits/2", segmented / "releases/habits/3")
    (segmented / "releases/habits/3/golden.jsonl").write_bytes(b"{}")
    (segmented / "releases/habits/CURRENT").write_text("3\n")

    _wait(lambda: "segmentation_refused" in running.written())
    assert _version(asking) == "2"


def _version(asking: httpx.Client) -> str:
    version: str = scored(asking)["results"][0]["discovered"]["habits"]["version"]
    return version


def _wait(true: Any) -> None:
    latest = time.monotonic() + 30
    while not true():
        assert time.monotonic() < latest
        time.sleep(0.05)


def test_the_grid_has_a_dot_for_each_group_that_says_something(segmented: Path) -> None:
    """By relevance across and impact up, none hidden by another."""
    shown = persona_board(load_segmentation(segmented, "habits", version="1"), {"group_1": 5}, Texts("en"))

    assert [dot.number for dot in shown.dots] == [1, 2]
    assert shown.dots[0].x > shown.dots[1].x
    assert shown.groups[0].impact == pytest.approx(1000 * 0.5 * 0.15)
    assert posted_priorities({"relevance-group_1": "x"}, ["group_1"]) == {}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_grid_weighs_groups_by_what_they_will_bring(segmented: Path, language: Language, tmp_path: Path) -> None:
    """Where the day has values: size times expected value, with the currency; else by the outcome, as before."""
    release, texts = load_segmentation(segmented, "habits", version="1"), Texts(language)
    live = {"churn": with_value(released(segmented, "churn")["churn"])}
    attach(live, [release])
    assert group_values(tmp_path, "habits", live) is None
    table(shop_rows(120, seed=8), [f"c{number}" for number in range(120)]).write_parquet(tmp_path / "customers.parquet")
    made(tmp_path, live, tmp_path / "customers.parquet")

    values = group_values(tmp_path, "habits", live)
    assert values is not None
    board = persona_board(release, {}, texts, values)

    day = pl.from_arrow(day_rows(tmp_path, days_of(tmp_path)[-1]))
    assert isinstance(day, pl.DataFrame)
    known = day.filter(pl.col("churn_value").is_not_null())
    for group in board.groups[:2]:
        mine = known.filter(pl.col("habits_cluster") == group.code)["churn_value"]
        assert group.value is not None
        assert group.value.customers == len(mine) >= 20
        assert group.impact == pytest.approx(mine.sum())
    assert board.groups[2].impact is None
    assert group_values(tmp_path, "others", live) is None
    facts = {
        "shown": board,
        "asked": "habits",
        "segmentations": ["habits"],
        "grid": GRID,
        "steps": range(1, 6),
        "saved": False,
    }
    snapshot = SimpleNamespace(served=live, policy=SimpleNamespace(by_code={}), segmentations={})
    runtime = SimpleNamespace(settings=SimpleNamespace(home=tmp_path))
    token = CONTEXT.set(cast(RequestContext, SimpleNamespace(key=None, snapshot=snapshot, runtime=runtime)))
    try:
        shown = html.unescape(bytes(page("personas.html", language, facts).body).decode()).replace("\u00a0", " ")
    finally:
        CONTEXT.reset(token)
    assert {"en": "the expected profit of a customer within 90 days", "fr": "la marge attendue d'un client"}[
        language
    ] in shown
    assert "Impact, EUR" in shown
    assert shown.count('data-part="size-by-value"') == 2
