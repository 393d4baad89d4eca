"""The right to know and the right to be forgotten, proved on every byte of the home."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scoring.audiences.pressure.contact_history import ListIdentity, record_contacts
from scoring.privacy import suppression
from scoring.privacy.suppression import Suppression
from scoring.storage.sqlite import scrub
from serving.auth.api_keys import add_key
from serving.customers import feature_store, housekeeping, pending_erasures
from serving.customers import subject_rights as rights
from serving.customers.feature_store import SqliteStore, put
from serving.customers.housekeeping import finish_erasures
from tests.support.answers import bearer, is_problem, results, statuses
from tests.support.models import release_shop, shop_rows
from tests.support.servers import QUICK, Server, start, stop, until
from tests.support.stored import ROWS, loaded, table, traces

WHO = [f"Planted-7391-é-{number}" for number in range(3)]
VALUE = "Planted-Value-4242"
ROW = {**next(row for row in shop_rows(50, seed=5) if None not in row.values()), "canal d'achat": VALUE}
OTHERS = [f"other-{number}" for number in range(400)]


def stock(home: Path) -> None:
    """Plants three customers among many wherever a home keeps any: two of them under ids that must then be gone."""
    features = list(ROW)
    crowd = [(other, list({**ROW, "canal d'achat": "web"}.values())) for other in OTHERS]
    put(home, features, [*crowd[:200], *((who, list(ROW.values())) for who in WHO), *crowd[200:]], as_of=4e9)
    put(home, [*features, "more"], [(who, [*ROW.values(), VALUE]) for who in WHO], as_of=3e9)
    suppression.add(home, [WHO[1]])
    folder = home / "requests"
    folder.mkdir(exist_ok=True)
    theirs = [{"customer_id": who, "features": ROW} for who in WHO]
    other = {"customer_id": "other-1", "features": {**ROW, "canal d'achat": "web"}}
    (folder / "churn.json").write_text(json.dumps({"profiles": [*theirs, other], "reasons": 3}, ensure_ascii=False))
    (folder / "propensity.json").write_text(json.dumps({"profiles": theirs, "reasons": 3}, indent=1))


@pytest.fixture
def peopled(tmp_path: Path) -> Path:
    """A home of this test's own, with people in it."""
    stock(tmp_path)
    return tmp_path


def test_what_is_held_is_told_in_full(peopled: Path) -> None:
    """Rows of the store, an objection, request files; of a stranger that there is nothing."""
    told = rights.export(peopled, [WHO[1], "stranger", WHO[0]])

    assert [one["customer_id"] for one in told] == [WHO[1], "stranger", WHO[0]]
    assert sorted(told[0]["store"], key=lambda row: row["as_of"]) == [
        {"as_of": "2065-01-24T05:20:00Z", "features": {**ROW, "more": VALUE}},
        {"as_of": "2096-10-02T07:06:40Z", "features": ROW},
    ]
    assert [one["opted_out"] for one in told] == [True, False, False]
    assert [entry["file"] for entry in told[0]["requests"]] == ["churn.json", "propensity.json"]
    assert told[0]["requests"][0]["profile"] == {"customer_id": WHO[1], "features": ROW}
    nothing: dict[str, Any] = {
        "store": [],
        "decisions": [],
        "contestations": [],
        "population": [],
        "opted_out": False,
        "erased_at": None,
        "requests": [],
    }
    assert told[1] == {"customer_id": "stranger", **nothing}


def test_an_erase_leaves_no_byte_of_a_customer(peopled: Path) -> None:
    """Every file is read: before it four hold the id, after it none; everybody else is untouched."""
    before = traces(peopled, *WHO, VALUE)
    held = SqliteStore(peopled / "store.db").find(OTHERS)

    told = rights.erase(peopled, [*WHO, "stranger"])
    done = finish_erasures(peopled, at_once=True)

    assert {"churn.json", "propensity.json"} < before
    assert any(name.startswith("store.db") for name in before)
    assert [one["removed"] for one in told] == [
        *[{"store": 2, "decisions": 0, "requests": 2}] * 3,
        {"store": 0, "decisions": 0, "requests": 0},
    ]
    assert [one["pending"] for one in told] == [True, True, True, False]
    assert done == 4
    assert traces(peopled, *WHO, VALUE) == set()
    assert SqliteStore(peopled / "store.db").find(OTHERS) == held
    assert [path.name for path in (peopled / "requests").iterdir()] == ["churn.json"]
    kept = json.loads((peopled / "requests" / "churn.json").read_text())
    assert kept["reasons"] == 3
    assert [profile["customer_id"] for profile in kept["profiles"]] == ["other-1"]


def test_a_keyed_tombstone_stays(peopled: Path) -> None:
    """It tells when, and that an objection holds on; asked again, nothing is found and nothing breaks."""
    rights.erase(peopled, WHO)
    at_once = rights.erase(peopled, WHO)
    finish_erasures(peopled, at_once=True)
    again = rights.erase(peopled, WHO)
    [told, other] = rights.export(peopled, [WHO[1], "other-1"])

    assert [sum(one["removed"].values()) for one in (*at_once, *again)] == [0] * 6
    assert [one["pending"] for one in (*at_once, *again)] == [True] * 3 + [False] * 3
    assert (told["store"], told["requests"], told["opted_out"]) == ([], [], True)
    assert str(told["erased_at"]).startswith("20")
    assert other["erased_at"] is None
    assert len(Suppression(peopled).erased(WHO)) == 3
    assert stat.S_IMODE((peopled / "suppressed.db").stat().st_mode) == 0o600


def test_the_lists_a_customer_was_on_are_told_and_erased(tmp_path: Path) -> None:
    """When and of what; gone at once."""
    listed, at = ListIdentity("2026-03-01", "churn", {}), datetime(2026, 3, 1, 9, tzinfo=UTC)
    record_contacts(tmp_path, listed, [*WHO[:2], "other-1"], at=at)

    before = rights.export(tmp_path, WHO)
    rights.erase(tmp_path, WHO)
    after = rights.export(tmp_path, [*WHO, "other-1"])

    assert [one.get("lists") for one in before] == [[{"at": "2026-03-01T09:00:00Z", "what": "churn"}]] * 2 + [None]
    assert [one["customer_id"] for one in after if "lists" in one] == ["other-1"]


def test_a_later_load_passes_over_who_was_erased(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it is told to take them in."""
    rights.erase(tmp_path, ["1", "3"])

    assert loaded(tmp_path, tmp_path, table(ROWS[:5], range(5))) == 0
    assert "2 were erased and are passed over" in capsys.readouterr().err
    everyone = [str(number) for number in range(5)]
    assert sorted(SqliteStore(tmp_path / "store.db").find(everyone)) == ["0", "2", "4"]
    assert loaded(tmp_path, tmp_path, table(ROWS[:5], range(5)), "--with-erased") == 0
    assert sorted(SqliteStore(tmp_path / "store.db").find(everyone)) == everyone


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, dict[str, str]]]]:
    """A server with keys and people, and the headers of each key."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "churn", scratch=scratch)
    stock(home)
    keys = {scope: bearer(add_key(home, scope, [scope])) for scope in ("score", "admin")}
    running = start(home, tmp_path_factory.mktemp("server"), {**QUICK, "PENCHANT_ACCESS_LOG": "on"})
    yield running, keys
    stop(running)


def test_both_are_asked_over_http_by_an_admin(asked: tuple[Server, dict[str, dict[str, str]]]) -> None:
    """While the server reads the same files; after it the ids are unknown, and no log line has named one."""
    server, keys = asked
    body: dict[str, Any] = {"customer_ids": WHO[:2]}
    with server.client() as client:
        client.headers.update(keys["score"])
        is_problem(client.post("/v1/customers/export", json=body), 403, "not-allowed")
        is_problem(client.post("/v1/customers/erase", json=body), 403, "not-allowed")
        before = [statuses(result) for result in results(client, customer_ids=[*WHO, "other-1"])]
        results(client, customer_ids=OTHERS)  # on the other thread
        client.headers.update(keys["admin"])
        exported = client.post("/v1/customers/export", json=body)
        once = {"idempotency-key": "erase-1"}
        erased, again = (
            client.post("/v1/customers/erase", json={"customer_ids": [*WHO, *WHO]}, headers=once) for _ in range(2)
        )
        client.headers.update(keys["score"])
        after = [statuses(result) for result in results(client, customer_ids=[*WHO, "other-1"])]

    assert [told["churn"] for told in before] == ["scored", "opted_out", "scored", "scored"]
    assert [one["customer_id"] for one in exported.json()["customers"]] == WHO[:2]
    assert [one["removed"] for one in erased.json()["customers"]] == [{"store": 2, "decisions": 0, "requests": 2}] * 3
    assert [told["churn"] for told in after] == ["unknown", "opted_out", "unknown", "scored"]
    assert [one["pending"] for one in erased.json()["customers"]] == [True] * 3
    assert (again.content, again.headers["idempotency-replayed"]) == (erased.content, "true")
    until(lambda: traces(server.home, *WHO, VALUE) == set())
    until(lambda: "erasures_done" in server.written())
    assert "Planted" not in server.written()
    assert '"route":"/v1/customers/erase"' in server.written()


@pytest.mark.parametrize(
    "body", [{}, {"customer_ids": []}, {"customer_ids": [""]}, {"customer_ids": ["a"], "x": 1}, []]
)
def test_a_wrong_body_is_refused(asked: tuple[Server, dict[str, dict[str, str]]], body: Any) -> None:
    """Nothing is erased by a guess."""
    server, keys = asked
    with server.client() as client:
        for path in ("export", "erase"):
            answer = client.post(f"/v1/customers/{path}", json=body, headers=keys["admin"])
            is_problem(answer, 422, "invalid-request")


def test_what_cannot_be_finished_is_told(tmp_path: Path) -> None:
    """503 with Retry-After, and the log says where, not whom; asked again it is done."""
    release_shop(tmp_path / "home", "churn", scratch=tmp_path)
    stock(tmp_path / "home")
    key = tmp_path / "home" / "customers.key"
    server = start(tmp_path / "home", tmp_path, QUICK)
    try:
        key.rename(tmp_path / "away")
        with server.client() as client:
            refused = client.post("/v1/customers/erase", json={"customer_ids": WHO})
            (tmp_path / "away").rename(key)
            until(lambda: client.post("/v1/customers/erase", json={"customer_ids": WHO}).status_code == 200)
    finally:
        stop(server)

    is_problem(refused, 503, "store-unavailable")
    assert refused.headers["retry-after"] == "5"
    assert "customers_failed" in server.written()
    assert "Planted" not in refused.text + server.written()
    finish_erasures(tmp_path / "home", at_once=True)
    assert traces(tmp_path / "home", *WHO, VALUE) == set()


@pytest.mark.parametrize(
    "content",
    [b'{"customer_ids": ["Planted"]}', b"[]", b"7", b"", b"\xff\xfe", b'{"profiles": 1}', b'{"profiles": ["x"]}'],
)
def test_a_file_that_is_no_request_holds_nothing_up(peopled: Path, content: bytes) -> None:
    """Exports and erasures go on as without it, and it stays as it is."""
    foreign = peopled / "requests" / "mine.json"
    foreign.write_bytes(content)

    told = rights.export(peopled, WHO)
    rights.erase(peopled, WHO)

    assert [len(one["requests"]) for one in told] == [2, 2, 2]
    assert foreign.read_bytes() == content
    assert traces(peopled / "requests", *WHO) == set()


def test_a_draft_of_a_writer_that_was_killed_goes_with_an_erasure(peopled: Path) -> None:
    """It would hold customers' profiles for ever; that of one who is writing stays."""
    folder = peopled / "requests"
    text = (folder / "churn.json").read_text()
    for name in (".churn.json.4194400.tmp", ".churn.json.4194400.0badcafe.tmp", f".churn.json.{os.getpid()}.tmp"):
        (folder / name).write_text(text)

    rights.erase(peopled, WHO)

    assert sorted(path.name for path in folder.iterdir()) == [f".churn.json.{os.getpid()}.tmp", "churn.json"]


def test_request_files_are_their_owners_alone(peopled: Path) -> None:
    """Real customers stand in them."""
    (peopled / "requests" / "churn.json").chmod(0o644)

    rights.erase(peopled, WHO)

    assert stat.S_IMODE((peopled / "requests" / "churn.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("moment", ["marked", "noted", "rows gone", "one file written", "all written"])
def test_an_erasure_that_is_broken_off_is_finished_later(
    peopled: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ended: nobody is given what is left, and the next round leaves no byte."""
    rights.erase(peopled, WHO)
    places = {"marked": (pending_erasures, "add"), "noted": (feature_store, "delete")}
    places |= {"rows gone": (housekeeping, "scrub"), "all written": (pending_erasures, "clear")}
    calls = []

    def ended(*arguments: Any) -> None:
        calls.append(arguments)
        if moment == "one file written":
            scrub(*arguments)
        raise OSError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(*places.get(moment, (housekeeping, "scrub")), ended)
        with pytest.raises(OSError, match="killed"):
            finish_erasures(peopled, at_once=True)

    assert [one["store"] for one in rights.export(peopled, WHO)] == [[], [], []]
    finish_erasures(peopled, at_once=True)
    assert traces(peopled, *WHO, VALUE) == set()
    assert pending_erasures.pending_of(peopled) == {}


def test_what_is_loaded_after_an_erasure_does_not_go_with_it(tmp_path: Path) -> None:
    """Though its bytes were still pending: the load finishes it first."""
    assert loaded(tmp_path, tmp_path, table(ROWS[:2], range(2))) == 0
    rights.erase(tmp_path, ["0"])
    assert loaded(tmp_path, tmp_path, table(ROWS[:2], range(2)), "--with-erased") == 0
    finish_erasures(tmp_path, at_once=True)

    assert sorted(SqliteStore(tmp_path / "store.db").find(["0", "1"])) == ["0", "1"]


def test_rewriting_rests_ten_times_as_long_as_it_took(peopled: Path) -> None:
    """So that many erasures share one; who must have it now does not wait."""
    rights.erase(peopled, WHO[:1])
    assert finish_erasures(peopled) == 1
    (peopled / ".erasures.lock").write_text("60")
    rights.erase(peopled, WHO[1:])

    assert finish_erasures(peopled) == 0
    assert traces(peopled, *WHO[1:])
    assert finish_erasures(peopled, at_once=True) == 2
    assert traces(peopled, *WHO, VALUE) == set()
