"""POST /v1/moves over HTTP: by its scope, by either way through the server, and every refusal with its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.auth.api_keys import add_key
from tests.support.answers import bearer, is_problem
from tests.support.models import release_shop
from tests.support.moved_days import FIRST, LAST, write_moved_day
from tests.support.servers import QUICK, Server, start, stop

ASKED = {"use_case": "churn", "customer_id": "c1", "from": "2026-03-01", "to": "2026-03-02"}
Keys = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two releases and two days."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    for as_of, seed in ((FIRST, 3), (LAST, 4)):
        write_moved_day(home, as_of, seed)
    return home


@pytest.fixture(scope="module")
def keys(moving: Path) -> Keys:
    """The headers of each key."""
    return {scope: bearer(add_key(moving, scope, [scope])) for scope in ("score", "customers")}


@pytest.fixture(scope="module", params=["on", "off"], ids=["at the edge", "by BentoML"])
def asked(
    request: pytest.FixtureRequest, moving: Path, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server, with the shortcut or without."""
    assert keys
    running = start(moving, tmp_path_factory.mktemp("server"), {**QUICK, "PENCHANT_SHORTCUT": request.param})
    yield running
    stop(running)


def test_a_move_is_explained(asked: Server, keys: Keys) -> None:
    """Its parts add up, it names the days, and its text is in the language asked for; a number may be an id."""
    with asked.client() as client:
        client.headers.update(keys["customers"])
        move = client.post("/v1/moves", json=ASKED).json()
        french = client.post("/v1/moves", json={**ASKED, "language": "fr"}).json()

    assert {"request_id", "from", "to", "contributions", "sum", "rules", "text"} == move.keys()
    assert sum(move["contributions"].values()) == pytest.approx(move["sum"], abs=1e-9)
    assert (move["from"]["day"], move["to"]["day"]) == ("2026-03-01", "2026-03-02")
    assert move["text"].startswith("The score ")
    assert french["text"].startswith("Entre le 1er mars 2026")
    assert french["contributions"] == move["contributions"]


def test_a_key_needs_the_scope(asked: Server, keys: Keys) -> None:
    """One that may score may not."""
    with asked.client() as client:
        is_problem(client.post("/v1/moves", json=ASKED, headers=keys["score"]), 403, "not-allowed")
        is_problem(client.post("/v1/moves", json=ASKED), 401, "no-key")


def test_what_the_days_do_not_hold_is_said_at_once(asked: Server, keys: Keys) -> None:
    """404, each with its place; no id is repeated."""
    with asked.client() as client:
        client.headers.update(keys["customers"])
        days = is_problem(client.post("/v1/moves", json={**ASKED, "from": "1999-01-01", "to": "x"}), 404, "no-move")
        who = is_problem(client.post("/v1/moves", json={**ASKED, "customer_id": "Planted-7391"}), 404, "no-move")
        other = client.post("/v1/moves", json={**ASKED, "use_case": "uplift"})

    assert [(error["code"], error["pointer"]) for error in days["errors"]] == [
        ("unknown_day", "/from"),
        ("unknown_day", "/to"),
    ]
    assert [(error["code"], error["pointer"]) for error in who["errors"]] == [
        ("unknown_customer", "/from"),
        ("unknown_customer", "/to"),
    ]
    assert "7391" not in str(who)
    is_problem(other, 404, "unknown-use-case")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"from": None, "to": 3}, ["from", "to"]),
        ({"customer_id": "", "language": "de"}, ["customer_id", "language"]),
        ({"use_case": 1, "until": "x"}, ["until", "use_case"]),
        ({"first": "2026-03-01"}, ["first"]),
    ],
)
def test_a_wrong_body_is_refused(asked: Server, keys: Keys, changes: dict[str, Any], fields: list[str]) -> None:
    """422, every broken rule by the name it has in the body."""
    with asked.client() as client:
        answer = client.post("/v1/moves", json={**ASKED, **changes}, headers=keys["customers"])

    problem = is_problem(answer, 422, "invalid-request")
    assert sorted(error["field"] for error in problem["errors"]) == sorted(fields)


def test_a_day_that_cannot_be_read_is_a_503(moving: Path, asked: Server, keys: Keys) -> None:
    """And the log says where it happened, not whom it was about."""
    manifest = moving / "population/2026-03-01/manifest.json"
    content = manifest.read_bytes()
    try:
        manifest.write_bytes(b"{}")
        with asked.client() as client:
            answer = client.post("/v1/moves", json=ASKED, headers=keys["customers"])
    finally:
        manifest.write_bytes(content)

    is_problem(answer, 503, "store-unavailable")
    assert "moves_failed" in asked.written()
