"""API keys: who is let in, to what, and how often."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.auth import api_keys
from serving.auth.api_keys import FILE, KeyRing, KeysError, add_key, main, read_keys, remove_key
from serving.auth.gate import Gate
from serving.http.problems import Problem
from serving.settings import Settings
from tests.support.answers import bearer, is_problem
from tests.support.models import release_shop
from tests.support.ports import free_port
from tests.support.servers import QUICK, ROOT, Server, start, stop, until


def raw(token: str) -> dict[bytes, bytes]:
    """The same as the edge reads it."""
    return {b"authorization": f"Bearer {token}".encode()}


def test_a_key_is_kept_as_its_hash_only(tmp_path: Path) -> None:
    """The file holds no key, and nobody but its owner may read it."""
    token = add_key(tmp_path, "crm", ["score"])

    assert token not in (tmp_path / FILE).read_text()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    found = read_keys(tmp_path).find(token)
    assert found is not None
    assert (found.name, sorted(found.scopes)) == ("crm", ["score"])
    assert read_keys(tmp_path).find(token[:-1]) is None


@pytest.mark.parametrize(
    ("scopes", "lists"), [(["score", "explain", "admin"], True), (["score", "admin"], False), (["customers"], True)]
)
def test_a_key_that_had_all_scopes_has_all(tmp_path: Path, scopes: list[str], *, lists: bool) -> None:
    """One made before there was the scope `customers` lists customers only where it might do everything."""
    add_key(tmp_path, "crm", scopes)

    assert ("customers" in read_keys(tmp_path).keys[0].scopes) is lists


def test_the_command_line_makes_names_and_ends_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`add` prints the key once, list never, remove ends it."""
    assert main(["--home", str(tmp_path), "add", "crm", "--scopes", "score,admin", "--rate", "5"]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["--home", str(tmp_path), "list"]) == 0
    listed = capsys.readouterr().out

    assert read_keys(tmp_path).find(token)
    assert listed.split() == ["crm", "admin,score", "5.0"]
    assert main(["--home", str(tmp_path), "add", "crm"]) == 2
    assert main(["--home", str(tmp_path), "add", "a b"]) == 2
    assert main(["--home", str(tmp_path), "add", "x", "--scopes", "root"]) == 2
    assert main(["--home", str(tmp_path), "remove", "crm"]) == 0
    assert read_keys(tmp_path) == KeyRing()


@pytest.mark.parametrize("rate", ["nan", "inf", "-inf", "0", "-1", "1e999"])
def test_a_rate_that_is_none_makes_no_key(tmp_path: Path, rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 with the rule, and the keys there are stay as they were."""
    token = add_key(tmp_path, "good", ["score"])

    assert main(["--home", str(tmp_path), "add", "x", f"--rate={rate}"]) == 2
    assert "above 0" in capsys.readouterr().err
    assert [key.name for key in read_keys(tmp_path).keys] == ["good"]
    assert read_keys(tmp_path).find(token)


def test_no_change_of_keys_is_lost_to_another(tmp_path: Path) -> None:
    """Keys removed beside keys that are made: what a command said was done stays done."""
    for number in range(6):
        add_key(tmp_path, f"leaked{number}", ["score"])
    made: dict[str, str] = {}

    def add(number: int) -> None:
        made[f"new{number}"] = add_key(tmp_path, f"new{number}", ["score"])

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: (add if number % 2 else _remove(tmp_path))(number // 2), range(12)))

    ring = read_keys(tmp_path)
    assert sorted(key.name for key in ring.keys) == sorted(made)
    assert all(ring.find(token) for token in made.values())


def _remove(home: Path) -> Callable[[int], object]:
    return lambda number: remove_key(home, f"leaked{number}")


def test_the_last_key_that_is_removed_leaves_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As before the first one was made: callers here need none, others are refused; the command says so."""
    add_key(tmp_path, "only", ["score"])
    gate = Gate(Settings(home=tmp_path))

    assert main(["--home", str(tmp_path), "remove", "only"]) == 0
    gate.look()

    assert "No key is left" in capsys.readouterr().err
    assert gate.admit("score", {}) is None
    assert not gate.ring.asked


def test_a_full_disk_keeps_no_leaked_key_alive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removing takes effect without room for a new file; making one fails with exit 1 and prints no key."""
    for name in ("leaked", "kept"):
        add_key(tmp_path, name, ["score"])
    gate = Gate(Settings(home=tmp_path))

    monkeypatch.setattr(api_keys, "write_file", _failing(errno.ENOSPC))
    added = main(["--home", str(tmp_path), "add", "new"])
    removed = main(["--home", str(tmp_path), "remove", "leaked"])
    gate.look()

    said = capsys.readouterr()
    assert (added, removed, said.out) == (1, 0, "")
    assert "No key was made" in said.err
    assert [key.name for key in gate.ring.keys] == ["kept"]


def test_a_key_that_could_not_be_removed_is_said_to_be_alive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1 and in capitals; half a file lets nobody in, and that is said too."""
    for name in ("leaked", "kept"):
        add_key(tmp_path, name, ["score"])

    refused = _failing(errno.EIO)
    monkeypatch.setattr(api_keys, "write_file", refused)
    monkeypatch.setattr(api_keys, "_overwrite", refused)
    assert main(["--home", str(tmp_path), "remove", "leaked"]) == 1
    assert "THE KEY leaked IS STILL ALIVE" in capsys.readouterr().err

    monkeypatch.setattr(api_keys, "_overwrite", lambda path, _: (path.write_bytes(b""), refused()))
    assert main(["--home", str(tmp_path), "remove", "leaked"]) == 1
    assert "nobody is admitted" in capsys.readouterr().err
    assert Gate(Settings(home=tmp_path)).ring.broken


def _failing(code: int) -> Callable[..., None]:
    """What raises an error of the disk."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"keys": [{}]}', '{"keys": [{"name": "a", "sha256": "0", "scopes": []}]}', '{"keys": 1}'],
)
def test_a_broken_file_of_keys_lets_nobody_in(tmp_path: Path, content: str) -> None:
    """Neither with a key nor without."""
    (tmp_path / FILE).write_text(content)

    with pytest.raises(KeysError):
        read_keys(tmp_path)
    with pytest.raises(Problem):
        Gate(Settings(home=tmp_path)).admit("score", {})


def test_a_rate_is_a_bucket_that_fills_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past it a call is refused with the seconds to wait, and a little later one is admitted again."""
    now = time.monotonic()  # a clock of its own: on a busy machine the bucket would fill between two calls
    monkeypatch.setattr(time, "monotonic", lambda: now)
    token = add_key(tmp_path, "crm", ["score"], rate=20)
    gate = Gate(Settings(home=tmp_path))
    for _ in range(20):
        gate.admit("score", raw(token))

    with pytest.raises(Problem) as refused:
        gate.admit("score", raw(token))
    now += 0.1

    assert refused.value.kind.status == 429
    assert refused.value.headers == [(b"retry-after", b"1")]
    assert gate.admit("score", raw(token))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server with keys for everything, for scores only, and a slow one."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "churn", scratch=scratch, polarity="negative")
    keys = {
        "all": add_key(home, "all", ["score", "explain", "admin"]),
        "score": add_key(home, "only-score", ["score"]),
        "slow": add_key(home, "slow", ["score"], rate=1),
    }
    running = start(home, tmp_path_factory.mktemp("server"), QUICK)
    yield running, keys
    stop(running)


def test_a_key_opens_what_its_scopes_say(guarded: tuple[Server, dict[str, str]], profile: dict[str, Any]) -> None:
    """401 without one, 403 with one of another scope, the answer with the right one; probes stay open."""
    server, keys = guarded
    body = {"use_case": "churn", "profile": profile}
    with server.client() as client:
        is_problem(client.post("/v1/scores", json={"profiles": [profile]}), 401, "no-key")
        is_problem(client.post("/v1/scores", json={}, headers=bearer("nonsense")), 401, "no-key")
        is_problem(client.get("/v1/use-cases"), 401, "no-key")
        is_problem(client.post("/v1/explanations", json=body, headers=bearer(keys["score"])), 403, "not-allowed")

        assert client.post("/v1/explanations", json=body, headers=bearer(keys["all"])).status_code == 200
        assert client.get("/v1/use-cases", headers=bearer(keys["score"])).status_code == 200
        for path in ("/livez", "/readyz", "/schema.json", "/console/style.css"):
            assert client.get(path).status_code == 200


def test_too_many_calls_are_told_when_to_come_again(
    guarded: tuple[Server, dict[str, str]], profile: dict[str, Any]
) -> None:
    """429 with Retry-After, for that key only."""
    server, keys = guarded
    with server.client() as client:
        answers = [
            client.post("/v1/scores", json={"profiles": [profile]}, headers=bearer(keys["slow"])) for _ in range(3)
        ]

        assert answers[0].status_code == 200
        is_problem(answers[-1], 429, "too-many-requests")
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert client.post("/v1/scores", json={"profiles": [profile]}, headers=bearer(keys["all"])).status_code == 200


def test_bentomls_client_sends_the_key_as_its_token(
    guarded: tuple[Server, dict[str, str]], profile: dict[str, Any], tmp_path: Path
) -> None:
    """`SyncHTTPClient(url, token=KEY)` is let in."""
    server, keys = guarded
    code = "import bentoml, json, sys; u, t, p = sys.argv[1:]; c = bentoml.SyncHTTPClient(u, token=t); " + (
        "print(c.scores(profiles=[json.loads(p)])['results'][0]['status'])"
    )
    env = {**os.environ, "BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-c", code, server.url, keys["all"], json.dumps(profile)]

    assert subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout.strip() == "ok"


def test_the_console_asks_for_the_key_once(guarded: tuple[Server, dict[str, str]], profile: dict[str, Any]) -> None:
    """A good key gives a session in a cookie that no script and no other site can use; it posts no call elsewhere."""
    server, keys = guarded
    with server.client() as client:
        for path in ("/console/", "/console/?use_case=churn"):
            sent = client.get(path)
            assert (sent.status_code, sent.headers["location"], sent.text) == (303, "/console/sign-in", "")
        assert client.post("/console/", data={"profile": json.dumps(profile)}).status_code == 303
        assert "API key" in client.get("/console/sign-in").text
        assert "Clé" in client.get("/console/sign-in", headers={"Accept-Language": "fr-FR"}).text
        assert client.post("/console/sign-in", data={"key": "wrong"}).status_code == 403
        assert client.post("/console/sign-in", data={"key": keys["score"]}).status_code == 403
        foreign = client.post("/console/sign-in", data={"key": keys["all"]}, headers={"Origin": "https://evil.example"})
        is_problem(foreign, 403, "foreign-origin")

        entered = client.post("/console/sign-in", data={"key": keys["all"]})

        assert (entered.status_code, entered.headers["location"]) == (303, "/console/")
        assert {"HttpOnly", "SameSite=Strict"} <= set(entered.headers["set-cookie"].split("; "))
        assert keys["all"] not in entered.headers["set-cookie"]
        assert "churn" in client.get("/console/").text
        assert client.get("/v1/use-cases").status_code == 200
        assert client.post("/v1/scores", json={"profiles": [profile]}).status_code == 401


def test_a_key_that_is_removed_opens_nothing_a_moment_later(
    guarded: tuple[Server, dict[str, str]], profile: dict[str, Any]
) -> None:
    """A running server takes up new keys and forgets old ones."""
    server, _ = guarded
    token = add_key(server.home, "short", ["score"])
    with server.client() as client:

        def status() -> int:
            return client.post("/v1/scores", json={"profiles": [profile]}, headers=bearer(token)).status_code

        until(lambda: status() == 200)
        assert main(["--home", str(server.home), "remove", "short"]) == 0
        until(lambda: status() == 401)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 that is what must be refused
def test_listening_beyond_this_machine_needs_keys_or_a_word(tmp_path: Path, host: str) -> None:
    """Without either the command ends at once and says what to do."""
    command = [sys.executable, "-m", "serving", "--home", str(tmp_path), "--host", host, "--port", str(free_port())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "serving keys add" in done.stderr
    assert "--open-to-everyone" in done.stderr


def test_plain_bentoml_serve_beyond_this_machine_needs_keys_too(home: Path, tmp_path: Path) -> None:
    """Listening everywhere, it answers on loopback and refuses on every other address this machine has."""
    others = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    command = [sys.executable, "-m", "bentoml", "serve", "--host", "0.0.0.0"]  # noqa: S104 that is the question
    server = start(home, tmp_path, {**QUICK, "PENCHANT_HOME": str(home)}, command=command)
    try:
        port = server.url.rpartition(":")[2]
        for address in (address for address in others if not address.startswith("127.")):
            answer = httpx.post(f"http://{address}:{port}/v1/scores", json={"profiles": [{}]}, trust_env=False)
            is_problem(answer, 403, "keys-needed")
        assert httpx.post(f"{server.url}/v1/scores", json={"profiles": [{}]}, trust_env=False).status_code == 200
    finally:
        stop(server)
