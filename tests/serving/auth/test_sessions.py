"""Console sessions: genuine, eight hours at most, of a key that still opens the console, and over when signed out."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from serving.auth.api_keys import ApiKey, KeyRing, add_key, remove_key
from serving.auth.sessions import FILE, SECONDS, Sessions
from tests.support.models import release_shop
from tests.support.servers import QUICK, Server, start, stop, until

KEY = ApiKey("crm", "ab" * 32, frozenset(("score", "explain")))
RING = KeyRing((KEY,))
BOTH = ["score", "explain"]


class Clock:
    """The clock that signatures are made and read by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = int(time.time())
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: self.now)
        monkeypatch.setattr(time, "time", lambda: float(self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test moves."""
    return Clock(monkeypatch)


def test_a_session_ends_after_eight_hours_and_with_its_key(tmp_path: Path, clock: Clock) -> None:
    """Not a second later, not for another key of the same name, not once the key has lost a scope, nor from ahead."""
    sessions = Sessions(tmp_path)
    session = sessions.begin(KEY)

    assert sessions.key_of(session, RING) == KEY
    assert sessions.key_of(session, KeyRing()) is None
    assert sessions.key_of(session, KeyRing((ApiKey("crm", "cd" * 32, KEY.scopes),))) is None
    assert sessions.key_of(session, KeyRing((ApiKey("crm", KEY.sha256, frozenset(("score", "admin"))),))) is None
    clock.now += SECONDS
    assert sessions.key_of(session, RING) == KEY
    clock.now += 1
    assert sessions.key_of(session, RING) is None
    clock.now -= SECONDS + 60
    assert sessions.key_of(session, RING) is None


def test_what_is_stored_of_a_key_signs_nobody_in(tmp_path: Path) -> None:
    """Neither by the sessions of old, signed with its hash, nor by the ones of today signed with it."""
    sessions = Sessions(tmp_path)
    genuine = sessions.begin(KEY)
    ends = int(time.time()) + 3600
    sign = hmac.new(KEY.sha256.encode(), f"crm.{ends}".encode(), hashlib.sha256).hexdigest()
    other = Sessions(tmp_path / "elsewhere")
    other.begin(KEY)

    assert sessions.key_of(f"crm.{ends}.{sign}", RING) is None
    assert sessions.key_of(other.begin(KEY), RING) is None
    assert KEY.sha256 not in genuine
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@given(st.text(max_size=120))
def test_no_text_is_a_session_by_chance(text: str) -> None:
    """Whatever a cookie holds, it opens nothing and raises nothing, also where there is no secret yet."""
    assert Sessions(Path("nowhere")).key_of(text, RING) is None


def test_a_session_that_was_signed_out_is_over_in_every_worker(tmp_path: Path) -> None:
    """For whoever kept its cookie; others of the same key go on."""
    one, two = Sessions(tmp_path), Sessions(tmp_path)
    first, second = one.begin(KEY), two.begin(KEY)
    assert two.key_of(first, RING) == KEY

    one.end(first)
    two.look()

    assert [worker.key_of(first, RING) for worker in (one, two, Sessions(tmp_path))] == [None, None, None]
    assert one.key_of(second, RING) == KEY


def test_the_secret_is_another_each_day_and_no_session_is_cut_short(tmp_path: Path, clock: Clock) -> None:
    """The day before's is kept, so that whoever signed in late stays in; ended sessions are forgotten in time."""
    sessions = Sessions(tmp_path)
    sessions.end(sessions.begin(KEY))
    stored = json.loads((tmp_path / FILE).read_text())
    clock.now += 24 * 3600 - 60
    late = sessions.begin(KEY)
    clock.now += 120
    fresh = sessions.begin(KEY)
    again = json.loads((tmp_path / FILE).read_text())

    assert len(stored["ended"]) == 1
    assert again["ended"] == {}
    assert again["secrets"][0] == stored["secrets"][0]
    assert len(set(again["secrets"])) == 2
    assert [sessions.key_of(session, RING) for session in (late, fresh)] == [KEY, KEY]
    clock.now += 3 * 24 * 3600
    sessions.begin(KEY)
    assert stored["secrets"][0] not in json.loads((tmp_path / FILE).read_text())["secrets"]


def test_a_home_that_cannot_be_written_still_signs_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the worker that was asked, and the log says so."""
    (tmp_path / "home").write_text("no folder")
    sessions = Sessions(tmp_path / "home")

    session = sessions.begin(KEY)

    assert sessions.key_of(session, RING) == KEY
    assert "sessions_not_kept" in capsys.readouterr().err


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server with a key for the console."""
    home = tmp_path_factory.mktemp("home")
    release_shop(home, "churn", scratch=tmp_path_factory.mktemp("bundles"))
    key = add_key(home, "people", BOTH)
    running = start(home, tmp_path_factory.mktemp("server"), QUICK)
    yield running, key
    stop(running)


def test_signing_out_and_removing_the_key_end_a_session_on_a_server(guarded: tuple[Server, str]) -> None:
    """A copy of the cookie opens nothing afterwards, and a forged one never did."""
    server, key = guarded
    other = add_key(server.home, "others", BOTH)
    with server.client() as client:

        def opens(cookie: str) -> bool:
            with httpx.Client(base_url=server.url, trust_env=False) as browser:
                return browser.get("/console/", headers={"Cookie": f"penchant={cookie}"}).status_code == 200

        def signed_in(token: str) -> str:
            client.cookies.clear()  # the server may not have looked at its keys since the second was added
            until(lambda: client.post("/console/sign-in", data={"key": token}).status_code == 303)
            return str(client.cookies["penchant"])

        people, others = signed_in(key), signed_in(other)
        assert opens(people)
        assert opens(others)
        signed, _, signature = people.rpartition(".")
        # The first character: two last ones may stand for the same bytes, as a signature's 160 bits end within it.
        assert not opens(f"{signed}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}")
        left = client.post("/console/", data={"sign_out": ""})
        remove_key(server.home, "people")
        until(lambda: not opens(people))

        assert (left.status_code, "Max-Age=0" in left.headers["set-cookie"]) == (303, True)
        assert not opens(others)
