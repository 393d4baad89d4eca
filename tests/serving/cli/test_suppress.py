"""Objections over HTTP: whoever is on the list is scored through no door, from one request to the next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scoring.privacy import suppression
from scoring.privacy.suppression import KEY_FILE, Suppression
from serving.cli import suppress
from serving.customers.feature_store import put
from tests.support.answers import is_problem, results, statuses
from tests.support.models import release_shop, shop_rows
from tests.support.servers import QUICK, Server, start, stop, until

ROW = next(row for row in shop_rows(50, seed=5) if None not in row.values())
MOMENT = "2096-10-02T07:06:40.000Z"  # 4e9 seconds
OUT = {"churn": "opted_out", "propensity": "opted_out"}


@pytest.fixture(scope="module")
def objecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose home has a store with `kept` and `gone`; `gone` objected."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    cells = list(ROW.values())
    put(home, list(ROW), [("kept", cells), ("gone", cells)], as_of=4e9)
    suppression.add(home, ["gone"])
    running = start(home, tmp_path_factory.mktemp("server"), QUICK)
    yield running
    stop(running)


def test_scores_are_given_to_all_but_who_objected(objecting: Server) -> None:
    """By profile and by id, for every use case asked, without a segment; the others are answered as ever."""
    posted = [{"customer_id": name, "features": ROW} for name in ("kept", "gone", "kept")]
    with objecting.client() as client:
        by_profile = results(client, profiles=posted, reasons=3)
        by_id = results(client, customer_ids=["kept", "gone", "kept"], reasons=3)
        one = results(client, profiles=posted[1:2], use_cases=["churn"])
        odd = results(client, profiles=[{"customer_id": "gone", "features": {"x": 1}}, {"customer_id": "gone"}, 1, {}])

    moments = [[score.pop("as_of", None) for score in result["scores"].values()] for result in by_id]
    assert by_profile == by_id
    assert [set(known) - {None} for known in moments] == [{MOMENT}, set(), {MOMENT}]
    assert [statuses(result) for result in by_profile] == [
        dict.fromkeys(OUT, "scored"),
        OUT,
        dict.fromkeys(OUT, "scored"),
    ]
    assert by_profile[1]["segment"] is None
    assert by_profile[1]["scores"]["churn"] == {"status": "opted_out", "model_version": "1"}
    assert statuses(one[0]) == {"churn": "opted_out"}
    assert [statuses(result) for result in odd[:2]] == [OUT, OUT]
    assert [result["status"] for result in odd[2:]] == ["invalid", "invalid"]


def test_no_explanation_is_given(objecting: Server) -> None:
    """A 422 that says why; for others an explanation."""
    with objecting.client() as client:
        told = [
            client.post(
                "/v1/explanations", json={"use_case": "churn", "profile": {"customer_id": name, "features": ROW}}
            )
            for name in ("gone", "kept")
        ]

    [error] = is_problem(told[0], 422, "invalid-profile")["errors"]
    assert error["code"] == "opted_out"
    assert told[1].status_code == 200


def test_the_console_shows_no_score(objecting: Server) -> None:
    """Posted or by id."""
    with objecting.client() as client:
        for whom in ({"profiles": [{"customer_id": "gone", "features": ROW}]}, {"customer_ids": ["gone"]}):
            page = client.post("/console/customer", data={"profile": json.dumps(whom)})
            assert page.status_code == 200
            assert "This customer has opted out." in page.text
        shown = client.post("/console/customer", data={"profile": json.dumps({"customer_ids": ["kept"]})})

    assert "opted out" not in shown.text
    assert "propensity" in shown.text


def test_an_objection_counts_from_the_next_request(objecting: Server, tmp_path: Path) -> None:
    """On a list that is there already at once, taken back as soon; a lost key stops scoring, not the server."""
    ids = tmp_path / "ids.txt"
    ids.write_text(" kept \n\nkept\n")
    home = str(objecting.home)
    with objecting.client() as client:
        assert suppress.main(["add", str(ids), "--home", home]) == 0
        out = statuses(results(client, customer_ids=["kept"])[0])
        assert suppress.main(["remove", str(ids), "--home", home]) == 0
        back = statuses(results(client, customer_ids=["kept"])[0])

    assert (out, back) == (OUT, dict.fromkeys(OUT, "scored"))


def test_a_first_list_is_taken_up_and_a_lost_key_stops_scoring(tmp_path: Path) -> None:
    """Nobody is scored who may have objected: 503 until the key is back."""
    home = tmp_path / "home"
    release_shop(home, "churn", scratch=tmp_path)
    posted = {"profiles": [{"customer_id": "a", "features": ROW}]}
    server = start(home, tmp_path, QUICK)
    try:
        with server.client() as client:
            suppression.add(home, ["a"])
            until(lambda: statuses(results(client, **posted)[0]) == {"churn": "opted_out"})
    finally:
        stop(server)
    (home / KEY_FILE).rename(home / "away")
    server = start(home, tmp_path, QUICK)
    try:
        with server.client() as client:
            is_problem(client.post("/v1/scores", json=posted), 503, "store-unavailable")
            (home / "away").rename(home / KEY_FILE)
            assert statuses(results(client, **posted)[0]) == {"churn": "opted_out"}
    finally:
        stop(server)
    assert '"customer_id"' not in server.written()


@pytest.mark.parametrize("kind", ["txt", "csv", "parquet"])
def test_ids_are_read_from_lines_and_tables(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each counts once; `count` says how many are on the list; nobody is named."""
    file = tmp_path / f"ids.{kind}"
    frame = pl.DataFrame({"customer_id": [7391, 2, 7391]})
    if kind == "txt":
        file.write_text("7391\n2\n7391\n")
    elif kind == "csv":
        frame.write_csv(file)
    else:
        frame.write_parquet(file)

    assert suppress.main(["add", str(file), "--home", str(tmp_path)]) == 0
    assert suppress.main(["count", "--home", str(tmp_path)]) == 0

    told: Any = capsys.readouterr()
    assert told.out == "2\n"
    assert "7391" not in told.err
    assert Suppression(tmp_path).among(["7391", "2", "3"]) == {"7391", "2"}


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    """Exit 3 for what cannot be read as ids, 1 for what is not there."""
    (tmp_path / "ids.txt").write_bytes(b"\xff\xfe")
    pl.DataFrame({"id": [1], "why": ["asked"]}).write_csv(tmp_path / "ids.csv")

    codes = [suppress.main(["add", str(tmp_path / name), "--home", str(tmp_path)]) for name in ("ids.txt", "ids.csv")]

    assert codes == [3, 3]
    assert suppress.main(["add", str(tmp_path / "none.txt"), "--home", str(tmp_path)]) == 1
