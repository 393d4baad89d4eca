"""What a person says against a score: written beside it, added to, never changed, gone with the person."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from serving.customers import subject_rights as rights
from serving.customers.contestations import NoDecisionError, contest, contestations_of
from serving.customers.decision_log import FILE, Decisions, decisions_of
from serving.customers.housekeeping import finish_erasures
from tests.support.answers import is_problem, scored_result
from tests.support.models import release_shop, shop_rows
from tests.support.servers import QUICK, start, stop, until
from tests.support.stored import traces

WHO = "Planted-7391-é"
CONTEST = "/v1/customers/contestations"
SAID = "Planted-Words-42: I was never late."


@pytest.fixture
def decided(tmp_path: Path) -> Path:
    """A home whose log has one score of each of two people."""
    log = Decisions(tmp_path, days=90, on=True)
    log.record("r1", "crm", [scored_result(WHO, score=31.2), scored_result("other", score=50.0)])
    log.flush()
    return tmp_path


def said(home: Path, customer: str = WHO, **changes: Any) -> Any:
    """A contestation, taken down."""
    stated = {"use_case": "churn", "request_id": "r1", "outcome": "open", "by": "J. Martin", "caller": "crm"}
    return contest(home, customer, **{**stated, "text": SAID, **changes})


def test_a_contestation_and_its_answer_are_two_lines(decided: Path) -> None:
    """The first stays as it was written; the person's export shows both beside the score, in the order of time."""
    opened = said(decided)
    answered = said(decided, outcome="changed", by="A. Diallo", text="Price set anew by hand.")

    [exported, other] = rights.export(decided, [WHO, "other"])

    assert exported["contestations"] == [opened, answered]
    assert [line["outcome"] for line in exported["contestations"]] == ["open", "changed"]
    assert (opened["text"], opened["request_id"], opened["by"]) == (SAID, "r1", "J. Martin")
    assert [line["request_id"] for line in exported["decisions"]] == ["r1"]
    assert other["contestations"] == []


@pytest.mark.parametrize("changes", [{"request_id": "r2"}, {"use_case": "propensity"}], ids=["request", "use case"])
def test_only_a_score_that_was_given_is_contested(decided: Path, changes: dict[str, str]) -> None:
    """Another request's, another use case's or another customer's is none; nothing is written."""
    with pytest.raises(NoDecisionError):
        said(decided, **changes)
    with pytest.raises(NoDecisionError):
        said(decided, "stranger")

    assert contestations_of(decided, [WHO, "stranger"]) == {}


def test_a_score_of_a_day_is_contested_without_a_log(tmp_path: Path) -> None:
    """Where the server keeps no decisions the words of a person are kept all the same."""
    line = said(tmp_path, request_id=None)

    assert contestations_of(tmp_path, [WHO])[WHO] == [line]
    assert rights.export(tmp_path, [WHO])[0]["decisions"] == []


def test_the_words_go_with_the_person(decided: Path) -> None:
    """Erased, no byte of them is left; another's stay."""
    said(decided)
    said(decided, "other", text="Mine.")

    [erased] = rights.erase(decided, [WHO])
    hidden = contestations_of(decided, [WHO])
    finish_erasures(decided, at_once=True)

    assert hidden == {}
    assert erased["removed"]["decisions"] == 2
    assert traces(decided, WHO, SAID) == set()
    assert [line["text"] for line in contestations_of(decided, ["other"])["other"]] == ["Mine."]


def test_a_log_of_an_earlier_home_takes_contestations(decided: Path) -> None:
    """It has no table for them: until the first there is none, erasing works, and the first makes it."""
    with closing(sqlite3.connect(decided / FILE)) as connection:
        connection.execute("DROP TABLE contestations")

    before = contestations_of(decided, [WHO])
    rights.erase(decided, ["other"])
    finish_erasures(decided, at_once=True)
    line = said(decided)

    assert before == {}
    assert contestations_of(decided, [WHO])[WHO] == [line]


def test_a_price_is_answered_with_who_decides_and_can_be_contested(tmp_path: Path) -> None:
    """With the scores, flat or not, the explanation, the description, and both pages; of marketing nothing is said."""
    home, decides = tmp_path / "home", "The pricing team, on the file, within a week"
    stated = {"effect": "price", "human_decision": decides}
    release_shop(home, "churn", scratch=tmp_path)
    release_shop(home, "discount", scratch=tmp_path, **stated)
    profile = {"customer_id": WHO, "features": next(row for row in shop_rows(50, seed=5) if None not in row.values())}
    line = {"customer_id": WHO, "use_case": "discount", "text": SAID, "by": "J. Martin"}
    server = start(home, tmp_path, {**QUICK, "PENCHANT_DECISIONS": "on"})
    try:
        with server.client() as client:
            both, plain, flat = (
                client.post("/v1/scores", json={"profiles": [profile], **asked}).json()
                for asked in ({}, {"use_cases": ["churn"]}, {"use_cases": ["discount"], "flat": True})
            )
            explained = client.post("/v1/explanations", json={"use_case": "discount", "profile": profile}).json()
            described = [client.get(f"/v1/use-cases/{name}").json() for name in ("discount", "churn")]
            pages = [
                client.post("/console/customer?language=fr", data={"profile": json.dumps(profile)}).text,
                client.get("/console/models/discount").text,
            ]
            until(lambda: bool(decisions_of(home, [WHO])))
            made = client.post(CONTEST, json={**line, "request_id": both["request_id"]}).json()
            is_problem(client.post(CONTEST, json={**line, "request_id": "never"}), 404, "unknown-decision")
            is_problem(client.post(CONTEST, json={**line, "use_case": "none"}), 404, "unknown-use-case")
            is_problem(client.post(CONTEST, json={**line, "outcome": "lost", "by": " "}), 422, "invalid-request")
            [exported] = client.post("/v1/customers/export", json={"customer_ids": [WHO]}).json()["customers"]
    finally:
        stop(server)

    assert both["effects"] == flat["effects"] == {"discount": stated}
    assert "effects" not in plain
    assert {key: explained[key] for key in stated} == {key: described[0][key] for key in stated} == stated
    assert not stated.keys() & described[1].keys()
    assert [page.count(decides) for page in pages] == [1, 1]
    assert "Un prix dépend de ce score" in pages[0]
    assert exported["contestations"] == [made["contestation"]]
    assert (made["contestation"]["outcome"], made["contestation"]["text"]) == ("open", SAID)
