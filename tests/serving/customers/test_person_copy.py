"""The person's copy: every score with all that made it up, where it comes from and until when, as a page too."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Sequence
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from features.spec.languages import Language
from scoring.answers.served_release import Live
from scoring.answers.wire import Result
from scoring.audiences.campaign import CampaignList, CampaignPlan, CampaignVersions, record_campaign
from scoring.audiences.pressure.contact_history import ListIdentity, record_contacts
from scoring.population.days import days_of
from scoring.privacy import suppression
from serving.cli.copy_for_person import main
from serving.customers import subject_rights as rights
from serving.customers.contestations import contest
from serving.customers.decision_log import Decisions
from serving.customers.feature_store import put
from serving.customers.kept import CopyError, CustomerExport, FeatureShare, PersonScore
from serving.customers.person_copy import with_copies
from tests.support.answers import is_problem, scored_result
from tests.support.days import DAY, made, released, write_customers
from tests.support.models import SHOP, release_shop, shop_rows
from tests.support.servers import QUICK, start, stop

HIDDEN = ["days_since_purchase", "purchases_90d"]  # never named to marketers
WHO, ABSENT = "c1", "c7"  # `churn` is not about the second
CASE = """
name = "churn"
[events]
path = "{path}"
links = "links.csv"
[profiles]
path = "crm.duckdb"
table = "people"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two days, a store, decisions, a contestation, a campaign and a list."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("scratch")
    price = {"effect": "price", "human_decision": "The pricing team, <case> by case"}
    release_shop(home, "churn", scratch=scratch, forbid=HIDDEN)
    release_shop(home, "propensity", scratch=scratch, seed=1, **price)
    live, source = released(home, "churn", "propensity"), write_customers(scratch / "rows.parquet")
    for day in (DAY, DAY + timedelta(days=1)):
        made(home, live, source, day, run_id=f"run {day:%d}")
    row = shop_rows(300, seed=4)[1]
    put(home, list(row), [(WHO, list(row.values()))], as_of=DAY.timestamp())
    log = Decisions(home, days=90, on=True)
    answer: Result = scored_result(WHO, score=31.2)
    log.record("r1", "crm", [answer])
    log.flush()
    told = {"use_case": "churn", "request_id": "r1", "outcome": "open", "by": "J. Martin", "caller": None}
    contest(home, WHO, text="I <b>stay</b>.", **told)  # type: ignore[arg-type]  # as it is stated
    listed = CampaignList(use_case="churn", snapshot="2026-03-01T00:00:00Z", top=2)
    plan = CampaignPlan(salt="s", holdout=0.5, list=listed, versions=CampaignVersions({"churn": "1"}, "default"))
    record_campaign(home, plan, treated=["c2"], holdout_ids=[WHO])
    of_list = ListIdentity("2026-03-01", "churn", {})
    record_contacts(home, of_list, [WHO], at=DAY)
    case = scratch / "churn.toml"
    case.write_text(CASE.format(path="postgres://shop:secret@db.example/orders"))
    entry = f"[[use_case]]\nfile = {json.dumps(str(case))}\n"
    (home / "run.toml").write_text(f'[population]\nkeep = "10d"\nmonths = 2\n{entry}')
    (home / "retention.toml").write_text('[keep]\ndecisions = "1m"\n')
    return home


def copied(home: Path, *customers: str, language: Language = "en") -> Sequence[CustomerExport]:
    """What is kept of customers, with their copies."""
    served = released(home, "churn", "propensity")
    return with_copies(home, rights.export(home, customers), served, language, decisions_days=90)


def test_every_score_that_is_kept_is_there_with_its_version(home: Path) -> None:
    """Those of each day and of the log, the latest first, and what would be answered now."""
    [one] = copied(home, WHO)

    told = {(score["use_case"], score["origin"], score["at"][:10]) for score in one["copy"]["scores"]}
    days = ("2026-03-01", "2026-03-02")
    assert told >= {(name, "day", day) for name in ("churn", "propensity") for day in days}
    assert [score["origin"] for score in one["copy"]["scores"]].count("answer") == 1
    assert [score["at"] for score in one["copy"]["scores"]] == sorted(
        (score["at"] for score in one["copy"]["scores"]), reverse=True
    )
    assert {score["model_version"] for score in one["copy"]["scores"] if score["origin"] == "day"} == {"1"}
    assert {score["use_case"] for score in one["copy"]["now"]} == {"churn", "propensity"}
    assert {score["use_case"] for score in copied(home, ABSENT)[0]["copy"]["scores"]} == {"propensity"}


def test_contributions_are_of_all_features_and_add_up(home: Path) -> None:
    """Those that marketers never see by name too: base value and contributions give the very score that is kept."""
    [one] = copied(home, WHO)
    explained = [score for score in (*one["copy"]["scores"], *one["copy"]["now"]) if score["contributions"] is not None]

    assert len(explained) == 6
    for score in explained:
        assert {share["feature"] for share in shares(score)} == {feature.name for feature in SHOP}
        odds = (score["base_value"] or 0) + math.fsum(share["contribution"] for share in shares(score))
        assert 1 / (1 + math.exp(-odds)) == pytest.approx(score["probability"], abs=1e-9)
    hidden = {share["feature"]: share["contribution"] for share in shares(explained[0])}
    assert any(abs(hidden[name]) > 0.01 for name in HIDDEN)


def shares(score: PersonScore) -> Sequence[FeatureShare]:
    """What made a score up."""
    return score["contributions"] or []


def test_until_when_is_by_the_rules_of_the_home(home: Path) -> None:
    """Features as `keep` says, scores of month ends as `months`, decisions as their rule."""
    [one] = copied(home, WHO)
    first = next(score for score in one["copy"]["scores"] if score["at"].startswith("2026-03-01"))
    asked = next(score for score in one["copy"]["scores"] if score["origin"] == "answer")

    assert (first["contributions_until"], first["kept_until"]) == ("2026-03-11", "2026-05-01")
    assert asked["kept_until"] is not None
    assert timedelta(27) < datetime.fromisoformat(asked["kept_until"]) - datetime.now() < timedelta(32)
    assert asked["contributions"] is None


def test_sources_lists_and_campaigns_are_named(home: Path) -> None:
    """By the names of files and tables, never by an address, in which a password may stand."""
    [one] = copied(home, WHO)

    assert [(source["what"], source["name"]) for source in one["copy"]["sources"]] == [
        ("events", "orders"),
        ("profiles", "crm.duckdb: people"),
        ("links", "links.csv"),
    ]
    assert "secret" not in json.dumps(one)
    assert one["copy"]["lists"] == [{"at": "2026-03-01T00:00:00Z", "what": "churn", "kept_until": "2027-04-01"}]
    assert [(drawn["use_case"], drawn["arm"]) for drawn in one["copy"]["campaigns"]] == [("churn", "held_out")]
    assert copied(home, ABSENT)[0]["copy"]["campaigns"] == []
    assert [segment["at"][:10] for segment in one["copy"]["segments"]] == ["2026-03-02", "2026-03-01"]


class Page(HTMLParser):
    """The tags and the texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Everything is closed again, and nothing is loaded."""
        assert not [value for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The last one opened."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """A text."""
        self.texts.append(data)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ("What made each score up", "Who decides")), ("fr", ("Ce qui compose chaque score", "Qui décide"))],
)
def test_the_page_says_the_same_in_each_language(home: Path, language: Language, said: tuple[str, ...]) -> None:
    """Whole, well formed, safe, without anything to load; each contribution has its row."""
    [one] = copied(home, WHO, language=language)

    page = Page(one["copy"]["page"])
    text = " ".join(page.texts)

    assert page.open == []
    assert f'lang="{language}"' in one["copy"]["page"]
    assert said[0] in text
    assert said[1] in text
    assert "I <b>stay</b>." in text
    assert "The pricing team, <case> by case" in text
    for score in one["copy"]["scores"]:
        for share in score["contributions"] or ():
            assert share["text"] in page.texts
    assert "secret" not in text


def test_who_objected_is_told_what_is_kept_and_of_no_score_now(home: Path) -> None:
    """Scores of days before the objection stay theirs to see; none is computed now."""
    suppression.add(home, ["c3"])
    try:
        [one] = copied(home, "c3")
    finally:
        suppression.remove(home, ["c3"])

    assert one["opted_out"]
    assert one["copy"]["now"] == []
    assert one["copy"]["scores"]
    assert "You objected" in one["copy"]["page"]


def test_what_is_not_kept_any_more_is_not_made_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the release that scored there are no contributions; with features of another row neither."""
    [plain] = rights.export(home, [WHO])
    served: dict[str, Live] = {}
    monkeypatch.setattr("serving.customers.person_scores.release_of_version", lambda *_: None)

    [gone] = with_copies(home, [plain], served, "en", decisions_days=90)

    assert len(days_of(home)) == 2
    assert gone["copy"]["scores"]
    assert not any(score["contributions"] for score in gone["copy"]["scores"])
    row = next(row for row in plain["population"] if str(row["file"]).endswith("features-churn"))
    row["days_since_purchase"], row["purchases_90d"] = 1.0, 40
    [other] = with_copies(home, [plain], released(home, "churn", "propensity"), "en", decisions_days=90)
    changed = [score for score in other["copy"]["scores"] if score["use_case"] == "churn" and score["origin"] == "day"]
    assert [bool(score["contributions"]) for score in changed].count(False) == 1


def test_the_command_writes_both_and_names_nobody(home: Path, tmp_path: Path) -> None:
    """JSON and HTML for each, its owner's alone; the trail knows that it was done."""
    ids = tmp_path / "asked.txt"
    ids.write_text(f"{WHO}\n{ABSENT}\n")

    code = main([str(ids), "--home", str(home), "--language", "fr", "--out", str(tmp_path / "out")])

    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert code == 0
    assert files == ["copy-1.html", "copy-1.json", "copy-2.html", "copy-2.json"]
    assert {stat.S_IMODE((tmp_path / "out" / file).stat().st_mode) for file in files} == {0o600}
    assert json.loads((tmp_path / "out/copy-1.json").read_text())["copy"]["scores"]
    assert "Ce qui compose chaque score" in (tmp_path / "out/copy-1.html").read_text()
    assert '"export"' in (home / "trail.jsonl").read_text()


def test_it_is_asked_for_over_http(home: Path, tmp_path: Path) -> None:
    """With a language; without one there is no copy, as before; a broken rule of the home is a 503."""
    server = start(home, tmp_path, QUICK)
    asked = {"customer_ids": [WHO, "stranger"]}
    try:
        with server.client() as client:
            plain = client.post("/v1/customers/export", json=asked).json()["customers"]
            both = client.post("/v1/customers/export", json={**asked, "language": "fr"}).json()["customers"]
            is_problem(client.post("/v1/customers/export", json={**asked, "language": "de"}), 422, "invalid-request")
            rule = (home / "retention.toml").read_text()
            (home / "retention.toml").write_text("[keep]\ndecisions = 3\n")
            is_problem(client.post("/v1/customers/export", json={**asked, "language": "fr"}), 503, "store-unavailable")
            (home / "retention.toml").write_text(rule)
    finally:
        stop(server)

    assert not any("copy" in one for one in plain)
    assert both[0]["copy"]["page"].startswith('<!doctype html><html lang="fr">')
    assert both[1]["copy"]["scores"] == []
    assert "Aucun score" in both[1]["copy"]["page"]
    (home / "retention.toml").write_text("[keep]\nsurprise = 1\n")
    with pytest.raises(CopyError):
        copied(home, WHO)
    (home / "retention.toml").write_text(rule)
