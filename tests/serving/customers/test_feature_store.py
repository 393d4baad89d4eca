"""The online store: what is loaded is found by id, and scored as if it had been posted."""

from __future__ import annotations

import math
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from serving.customers.feature_store import FILE, SqliteStore, put
from tests.support.answers import is_problem, results, statuses
from tests.support.models import SHOP, release_shop
from tests.support.servers import QUICK, Server, start, stop, until
from tests.support.stored import ROWS, loaded, table


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two releases and 300 customers; `old` of long ago, `part` without a feature."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    assert loaded(home, scratch, table(ROWS, range(300))) == 0
    assert loaded(home, scratch, table(ROWS[:1], ["old"]), "--as-of", "1998-04-02") == 0
    assert loaded(home, scratch, table(ROWS[:1], ["part"]).drop("subscribed")) == 0
    return home


@pytest.fixture(scope="module")
def knowing(stocked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of that home, to which rows older than ten years are stale."""
    running = start(stocked, tmp_path_factory.mktemp("server"), {**QUICK, "PENCHANT_STALE_DAYS": "3650"})
    yield running
    stop(running)


@pytest.mark.parametrize("asked", [{}, {"use_cases": ["churn"], "reasons": 3, "language": "fr"}], ids=["all", "one"])
def test_a_customer_looked_up_is_answered_as_one_posted(knowing: Server, asked: dict[str, Any]) -> None:
    """Every number, reason and segment, for 300 customers, ids that were numbers among them."""
    posted = [{"customer_id": str(row), "features": features} for row, features in enumerate(ROWS)]
    with knowing.client() as client:
        by_id = results(client, customer_ids=[profile["customer_id"] for profile in posted], **asked)
        by_profile = results(client, profiles=posted, **asked)

    moments = {score.pop("as_of") for result in by_id for score in result["scores"].values()}
    assert len(moments) == 1  # what is posted says nothing of its own
    assert by_id == by_profile


@pytest.mark.parametrize("customer", [7, "7", "7.0"])
def test_a_customer_looked_up_is_explained_as_one_posted(knowing: Server, customer: Any) -> None:
    """By id, which may be a number, or by features: the same answer."""
    with knowing.client() as client:
        asked = {"use_case": "churn", "language": "fr"}
        by_id = client.post("/v1/explanations", json={**asked, "customer_id": customer}).json()
        posted = {"customer_id": "7", "features": ROWS[7]}
        by_profile = client.post("/v1/explanations", json={**asked, "profile": posted}).json()

    for answer in (by_id, by_profile):
        del answer["request_id"], answer["scored_at"]
    assert by_id.pop("as_of").endswith("Z")
    assert by_id == by_profile


@pytest.mark.parametrize(
    ("customer", "status", "code"),
    [("nobody", 404, "unknown"), ("old", 422, "stale"), ("part", 422, "insufficient_data")],
)
def test_who_cannot_be_explained_is_refused_by_status(knowing: Server, customer: str, status: int, code: str) -> None:
    """The status that a score by id has is the code of the error."""
    with knowing.client() as client:
        answer = client.post("/v1/explanations", json={"use_case": "churn", "customer_id": customer})

    problem = is_problem(answer, status, "unknown-customer" if status == 404 else "invalid-profile")
    assert [error["code"] for error in problem["errors"]] == [code]


def test_who_cannot_be_scored_is_told_why(knowing: Server) -> None:
    """Nobody known, rows too old, rows without what the model needs; in order, beside those who can."""
    with knowing.client() as client:
        told = results(client, customer_ids=["nobody", "old", "part", "1", "nobody"])
        one = results(client, customer_ids=["nobody", "old"], use_cases=["churn"])

    both = ("churn", "propensity")
    expected = ["unknown", "stale", "insufficient_data"]
    assert [statuses(result) for result in told[:3]] == [dict.fromkeys(both, status) for status in expected]
    assert statuses(told[3])["churn"] in ("scored", "not_eligible")
    assert told[4] == told[0]
    assert {score["model_version"] for score in told[0]["scores"].values()} == {"1"}
    assert [result["status"] for result in told] == ["ok"] * 5
    assert [statuses(result) for result in one] == [{"churn": "unknown"}, {"churn": "stale"}]


@pytest.mark.parametrize(
    ("whom", "field"),
    [
        ({}, "profiles"),
        ({"profiles": [{}], "customer_ids": ["1"]}, "customer_ids"),
        ({"customer_ids": []}, "customer_ids"),
        ({"customer_ids": [""]}, "customer_ids"),
        ({"customer_ids": [1.5]}, "customer_ids"),
        ({"customer_ids": "1"}, "customer_ids"),
        ({"customer_ids": ["1"] * 1001}, "customer_ids"),
    ],
    ids=["neither", "both", "none", "empty", "fraction", "text", "too many"],
)
def test_customers_are_named_in_one_way(knowing: Server, whom: dict[str, Any], field: str) -> None:
    """By 1 to 1,000 profiles or by as many ids; else the request is a 422 that names the field."""
    with knowing.client() as client:
        answer = client.post("/v1/scores", json=whom)

    assert [error["field"] for error in is_problem(answer, 422, "invalid-request")["errors"]] == [field]


def test_a_first_load_is_found_without_a_restart(tmp_path: Path) -> None:
    """The server looks for the store as it looks for releases; before that everybody is unknown."""
    home = tmp_path / "home"
    release_shop(home, "churn", scratch=tmp_path)
    server = start(home, tmp_path, QUICK)
    try:
        with server.client() as client:
            before = statuses(results(client, customer_ids=["1"])[0])
            assert loaded(home, tmp_path, table(ROWS[:5], range(5))) == 0
            until(lambda: statuses(results(client, customer_ids=["1"])[0]) != before)
            (home / FILE).unlink()
            (home / FILE).write_bytes(b"no database" * 100)
            until(lambda: client.post("/v1/scores", json={"customer_ids": ["1"]}).status_code == 503)
            broken = client.post("/v1/scores", json={"customer_ids": ["1"]})
            posted = client.post("/v1/scores", json={"profiles": [{"customer_id": "1", "features": ROWS[0]}]})
    finally:
        stop(server)

    assert before == {"churn": "unknown"}
    is_problem(broken, 503, "store-unavailable")
    assert broken.headers["retry-after"] == "1"
    assert posted.status_code == 200


def test_a_later_row_stays(tmp_path: Path) -> None:
    """Whatever the order of loading; other columns have a row of their own."""
    put(tmp_path, ["a", "b"], [("x", [1, 2])], as_of=20.0)
    put(tmp_path, ["b", "a"], [("x", [3, 4])], as_of=10.0)
    put(tmp_path, ["a"], [("x", [5])], as_of=30.0)
    put(tmp_path, ["a"], [("x", [6])], as_of=30.0)

    held = SqliteStore(tmp_path / FILE).find(["x", "x", "y"])

    assert sorted((row.as_of, dict(row.features)) for row in held["x"]) == [(20.0, {"a": 1, "b": 2}), (30.0, {"a": 6})]
    assert list(held) == ["x"]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_cells_come_back_as_they_would_be_posted(tmp_path: Path) -> None:
    """Dates in ISO form, what is not a number null, texts and whole numbers as they are."""
    frame = pl.DataFrame(
        {
            "customer_id": ["é\x00'"],
            "number": [math.nan],
            "whole": [2**40],
            "day": [date(2024, 2, 29)],
            "moment": [datetime(2024, 2, 29, 12, tzinfo=UTC)],
            "text": ["ça"],
            "truth": [False],
            "level": pl.Series(["b"], dtype=pl.Categorical),
            "nothing": pl.Series([None], dtype=pl.Null),
        }
    )

    assert loaded(tmp_path, tmp_path, frame) == 0

    [held] = SqliteStore(tmp_path / FILE).find(["é\x00'"])["é\x00'"]
    assert held.features == {
        "number": None,
        "whole": 2**40,
        "day": "2024-02-29",
        "moment": "2024-02-29T12:00:00+00:00",
        "text": "ça",
        "truth": False,
        "level": "b",
        "nothing": None,
    }
    assert datetime.now(UTC).timestamp() - held.as_of < timedelta(minutes=1).total_seconds()


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"id": ["planted"], "a": [1]}),
        pl.DataFrame({"customer_id": ["planted"]}),
        pl.DataFrame({"customer_id": ["ok", "planted", "planted"], "a": [1, 2, 3]}),
        pl.DataFrame({"customer_id": ["ok", None], "a": [1, 2]}),
        pl.DataFrame({"customer_id": ["ok"], "a": [math.inf]}),
        pl.DataFrame({"customer_id": ["ok"], "a": [["planted"]]}),
        pl.DataFrame({"customer_id": [], "a": []}, schema={"customer_id": pl.String, "a": pl.Int64}),
    ],
    ids=["no id column", "no feature", "twice", "no id", "infinite", "list", "empty"],
)
def test_a_table_that_breaks_a_rule_is_refused_whole(
    tmp_path: Path, frame: pl.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, nothing taken in, and no customer named."""
    put(tmp_path, ["a"], [("kept", [0])], as_of=0.0)

    assert loaded(tmp_path, tmp_path, frame) == 3
    assert "planted" not in capsys.readouterr().err
    assert list(SqliteStore(tmp_path / FILE).find(["kept", "ok", "planted"])) == ["kept"]


def test_a_load_says_whom_it_serves(tmp_path: Path, stocked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The use cases its columns are enough for; a locked store is a failure, not a loss."""
    assert loaded(stocked, tmp_path, table(ROWS[:1], ["again"])) == 0
    assert "1 customers as of" in (said := capsys.readouterr().err)
    assert "enough for churn, propensity" in said
    assert len(SHOP) == len(table(ROWS[:1], ["x"]).columns) - 2

    (tmp_path / FILE).mkdir()
    assert loaded(tmp_path, tmp_path, table(ROWS[:1], ["again"])) == 1


def test_readers_only_read(tmp_path: Path) -> None:
    """Nothing that answers requests can change the store."""
    put(tmp_path, ["a"], [("kept", [0])], as_of=0.0)
    store = SqliteStore(tmp_path / FILE)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._reader.ask("DELETE FROM customers")
