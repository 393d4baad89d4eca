"""The decisions log: every score that was given, for as long as it is kept, and nothing of who was erased."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scoring.answers.wire import Result, Score
from scoring.privacy import suppression
from scoring.segments.names import SegmentPlace
from scoring.storage.sqlite import Reader
from serving.customers import subject_rights as rights
from serving.customers.decision_log import FILE, Decisions, decisions_of, given_between, latest_of
from serving.customers.housekeeping import finish_erasures
from tests.support.answers import results, scored_result
from tests.support.models import release_shop, shop_rows
from tests.support.servers import QUICK, start, stop, until
from tests.support.stored import traces

ROW = next(row for row in shop_rows(50, seed=5) if None not in row.values())
WHO = "Planted-7391-é"


def answer(customer: str, score: float = 31.2) -> Result:
    """A result as POST /v1/scores gives it: a score, and a use case that says nothing of this customer."""
    found = scored_result(customer, score=score)
    silent: Score = {"status": "not_eligible", "model_version": "2"}
    loyal: SegmentPlace = {"code": "loyal", "label": "Loyal", "path": [], "also": []}
    return {**found, "segment": loyal, "scores": {**found["scores"], "propensity": silent}}


def test_a_line_says_what_was_decided(tmp_path: Path) -> None:
    """One for each score, none where there was no score; written at the next look."""
    log = Decisions(tmp_path, days=90, on=True)
    log.record("r1", "crm", [answer("a"), answer("b")])
    log.record("r2", None, [{**answer("a", 50.0), "segment": None}])

    before = decisions_of(tmp_path, ["a"])
    log.flush()
    log.flush()

    [first, second] = decisions_of(tmp_path, ["a", "a", "c"])["a"]
    assert before == {}
    assert first["at"] <= second["at"]
    facts = {"use_case": "churn", "model_version": "4", "band": "low", "reasons": ["recency"]}
    assert first == {
        **facts,
        "at": first["at"],
        "request_id": "r1",
        "caller": "crm",
        "score": 31.2,
        "segment": "loyal",
    }
    assert second == {
        **facts,
        "at": second["at"],
        "request_id": "r2",
        "caller": None,
        "score": 50.0,
        "segment": None,
    }


def test_scores_between_two_moments_leave_out_objectors_and_the_erased(tmp_path: Path) -> None:
    """Of one use case, in the order of time; what is decided after an erasure is given again."""
    log = Decisions(tmp_path, days=90, on=True)
    log.record("r1", None, [answer(WHO), answer("objects"), answer("a")])
    log.flush()
    rights.erase(tmp_path, [WHO])
    log.record("r2", None, [answer("a", 50.0), answer(WHO, 60.0)])
    log.flush()
    suppression.add(tmp_path, ["objects"])

    now = time.time()
    found = given_between(tmp_path, "churn", now - 60, now + 60)

    assert [(row[0], *row[2:]) for row in found] == [
        ("a", "4", 31.2, "low", "loyal"),
        ("a", "4", 50.0, "low", "loyal"),
        (WHO, "4", 60.0, "low", "loyal"),
    ]
    assert given_between(tmp_path, "propensity", now - 60, now + 60) == []
    assert given_between(tmp_path, "churn", now + 60, now + 120) == []
    assert given_between(tmp_path / "none", "churn", 0.0, now) == []


def test_nothing_is_kept_beyond_its_time(tmp_path: Path) -> None:
    """What is older goes at a later look, even where the log is off by then."""
    log = Decisions(tmp_path, days=90, on=True)
    log.record("r1", None, [answer("a")])
    log.flush()

    Decisions(tmp_path, days=90, on=False).flush()
    kept = len(decisions_of(tmp_path, ["a"])["a"])
    Decisions(tmp_path, days=0, on=False).flush()

    assert kept == 1
    assert decisions_of(tmp_path, ["a"]) == {}


def test_a_line_noted_before_an_erase_never_comes_in_after_it(tmp_path: Path) -> None:
    """Another worker may hold it still; what is decided later is logged again."""
    log = Decisions(tmp_path, days=90, on=True)
    log.record("r1", None, [answer(WHO), answer("other")])
    log.flush()
    log.record("r2", None, [answer(WHO), answer("other")])

    [told] = rights.erase(tmp_path, [WHO])
    log.flush()

    assert told["removed"]["decisions"] == 1
    assert decisions_of(tmp_path, [WHO]) == {}
    finish_erasures(tmp_path, at_once=True)
    assert len(decisions_of(tmp_path, ["other"])["other"]) == 2
    assert decisions_of(tmp_path, [WHO]) == {}
    assert traces(tmp_path, WHO) == set()
    log.record("r3", None, [answer(WHO)])
    log.flush()
    assert [line["request_id"] for line in decisions_of(tmp_path, [WHO])[WHO]] == ["r3"]


def test_the_newest_lines_come_first_and_only_those_that_may_be_told(tmp_path: Path) -> None:
    """So many as asked; none of one who objected, none from before an erasure that could not delete yet."""
    log = Decisions(tmp_path, days=90, on=True)
    assert latest_of(tmp_path, WHO, 2) == []
    for score in (10.0, 20.0, 30.0):
        log.record("r", None, [answer(WHO, score), answer("objector"), answer("other")])
        log.flush()

    assert [line["score"] for line in latest_of(tmp_path, WHO, 2) or []] == [30.0, 20.0]
    assert latest_of(tmp_path, WHO, 3) == decisions_of(tmp_path, [WHO])[WHO][::-1]
    suppression.add(tmp_path, ["objector"])
    suppression.mark_erased(tmp_path, [WHO], at=time.time())
    assert latest_of(tmp_path, "objector", 3) is None
    assert latest_of(tmp_path, WHO, 3) == []
    assert len(latest_of(tmp_path, "other", 9) or []) == 3


@pytest.mark.parametrize(
    "broken",
    [lambda home: (home / FILE).mkdir(), lambda home: (home / FILE).write_bytes(b"no database" * 100)],
    ids=["a folder", "no database"],
)
def test_lines_wait_for_a_disk_that_takes_none(
    tmp_path: Path, broken: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    """No error reaches an answer, no id the log; they are written once it can be."""
    broken(tmp_path)
    log = Decisions(tmp_path, days=90, on=True)
    log.record("r1", None, [answer(WHO)])
    log.flush()
    (tmp_path / FILE).rename(tmp_path / "away")
    log.flush()

    assert len(decisions_of(tmp_path, [WHO])[WHO]) == 1
    assert "decisions_wait" in (said := capsys.readouterr().err)
    assert WHO not in said


@pytest.mark.parametrize("step", [-7200.0, 7200.0])
def test_a_clock_that_is_set_brings_no_score_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    """Set back or forward between a decision and its erasure: neither a written nor a waiting score outlives it."""
    log = Decisions(tmp_path, days=90, on=True)
    log.record("r1", None, [answer(WHO), answer("other")])
    log.flush()
    log.record("r2", None, [answer(WHO), answer("other")])
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + step)

    rights.erase(tmp_path, [WHO])
    log.flush()

    assert decisions_of(tmp_path, [WHO]) == {}
    assert latest_of(tmp_path, WHO, 9) == []
    finish_erasures(tmp_path, at_once=True)
    assert traces(tmp_path, WHO) == set()
    assert len(decisions_of(tmp_path, ["other"])["other"]) == 2


def test_erasing_from_no_log_makes_none(tmp_path: Path) -> None:
    """A home without decisions stays without."""
    rights.erase(tmp_path, ["a"])
    finish_erasures(tmp_path, at_once=True)
    Decisions(tmp_path, days=90, on=True).flush()
    assert not (tmp_path / FILE).exists()


def test_a_server_logs_only_where_told(tmp_path: Path) -> None:
    """Off by default; on, every score over HTTP is found by id, one who objected never; erased, gone."""
    home = tmp_path / "home"
    release_shop(home, "churn", scratch=tmp_path)
    suppression.add(home, ["objector"])
    posted = [{"customer_id": who, "features": ROW} for who in (WHO, "objector", "other")]
    for switch in ("off", "on"):
        server = start(home, tmp_path, {**QUICK, "PENCHANT_DECISIONS": switch})
        try:
            with server.client() as client:
                [told, *_] = results(client, profiles=posted, reasons=2)
                if switch == "off":
                    time.sleep(0.3)
                    assert not (home / FILE).exists()
                    continue
                until(lambda: bool(decisions_of(home, [WHO])))
                [held] = client.post("/v1/customers/export", json={"customer_ids": [WHO]}).json()["customers"]
                [removed] = client.post("/v1/customers/erase", json={"customer_ids": [WHO]}).json()["customers"]
                results(client, profiles=posted[2:])
        finally:
            stop(server)

    [line] = held["decisions"]
    score = told["scores"]["churn"]
    assert (line["score"], line["band"]) == (score["score"], score["band"]["code"])
    assert line["reasons"] == [reason["code"] for reason in score["reasons"]]
    assert removed["removed"] == {"store": 0, "decisions": 1, "requests": 0}
    finish_erasures(home, at_once=True)
    assert traces(home, WHO) == set()
    rows = Reader(home / FILE).ask("SELECT customer_id FROM decisions")
    assert rows == [("other",), ("other",)]  # the last one was written when the server stopped
