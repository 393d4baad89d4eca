"""Releases come and go under a running server, and no request notices."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scoring.answers.explain import explain_profile
from scoring.answers.score import score_profiles
from scoring.releases.store import make_current
from serving.releases import watcher
from tests.support.answers import version
from tests.support.models import release_shop
from tests.support.servers import QUICK, Server, start, stop, until, wait_for


@pytest.fixture(scope="module")
def release_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of this module's own, to be changed under the server."""
    home, scratch = tmp_path_factory.mktemp("release_store"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "churn", "1", scratch=scratch, polarity="negative")
    release_shop(home, "churn", "2", scratch=scratch, polarity="negative", seed=2)
    make_current(home, "churn", "1")
    return home


@pytest.fixture(scope="module")
def swapping(release_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that looks at its release store twenty times a second."""
    running = start(release_store, tmp_path_factory.mktemp("server"), QUICK)
    yield running
    stop(running)


def test_an_empty_home_starts_alive_and_says_what_to_do(tmp_path: Path, profile: dict[str, Any]) -> None:
    """Not ready, with the command in words; calls are a 503 with Retry-After; a first release makes it ready."""
    server = start(tmp_path / "home", tmp_path, QUICK, ready=False)
    try:
        with server.client() as client:
            until(lambda: "python -m training" in client.get("/readyz").text)
            answer = client.post("/v1/scores", json={"profiles": [profile]})

            assert client.get("/readyz").status_code == 503
            assert client.get("/readyz").json()["errors"][0]["code"] == "no_release"
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert client.get("/console/").status_code == 200
            assert client.get("/openapi.json").status_code == 200

            release_shop(tmp_path / "home", "churn", scratch=tmp_path / "bundles", polarity="negative")
            wait_for(server, "/readyz")
            assert version(client, profile) == "1"
    finally:
        stop(server)


def flip(folder: Path, name: str) -> None:
    """One byte of a file is another."""
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))


def truncate(folder: Path, name: str) -> None:
    """A file ends early."""
    (folder / name).write_bytes((folder / name).read_bytes()[:-7])


def remove(folder: Path, name: str) -> None:
    """A file is gone."""
    (folder / name).unlink()


@pytest.mark.parametrize("harm", [flip, truncate, remove], ids=["flipped", "truncated", "missing"])
@pytest.mark.parametrize("name", ["model.ubj", "manifest.json", "golden.jsonl", "release.json"])
def test_a_damaged_release_is_refused_and_the_last_good_one_serves_on(
    swapping: Server, release_store: Path, profile: dict[str, Any], harm: Callable[[Path, str], None], name: str
) -> None:
    """/readyz stays 200 and tells the refusal, the metric counts it, and a good release ends it."""
    bad = release_store / "releases/churn/3"
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(release_store / "releases/churn/2", bad)
    release = bad / "release.json"
    release.write_bytes(release.read_bytes().replace(b'"version": "2"', b'"version": "3"'))
    harm(bad, name)

    with swapping.client() as client:
        make_current(release_store, "churn", "3")
        until(lambda: client.get("/readyz").json()["refused"].get("churn", {}).get("version") == "3")

        assert client.get("/readyz").status_code == 200
        assert version(client, profile) == "1"
        assert 'penchant_swap_total{use_case="churn",result="refused"}' in client.get("/metrics").text
        make_current(release_store, "churn", "1")
        until(lambda: not client.get("/readyz").json()["refused"])


def test_golden_rows_that_are_not_reproduced_refuse_a_release(
    swapping: Server, release_store: Path, tmp_path: Path, profile: dict[str, Any]
) -> None:
    """A bundle whose every hash is right and whose numbers are not is no release."""
    release_shop(release_store, "churn", "4", scratch=tmp_path, polarity="negative", calibration={"a": 0.5, "b": 0.2})

    with swapping.client() as client:
        until(lambda: "golden" in client.get("/readyz").json()["refused"].get("churn", {}).get("reason", ""))

        assert version(client, profile) == "1"
        make_current(release_store, "churn", "1")
        until(lambda: not client.get("/readyz").json()["refused"])


def test_a_release_store_that_vanishes_leaves_what_is_served(
    swapping: Server, release_store: Path, profile: dict[str, Any]
) -> None:
    """Serving goes on from memory, and takes the release store up again when it is back."""
    away = release_store.with_name("away")
    with swapping.client() as client:
        (release_store / "releases").rename(away)
        time.sleep(0.3)
        assert version(client, profile) == "1"
        assert client.get("/readyz").status_code == 200

        away.rename(release_store / "releases")
        make_current(release_store, "churn", "2")
        until(lambda: version(client, profile) == "2")
        make_current(release_store, "churn", "1")
        until(lambda: version(client, profile) == "1")


def test_a_pointer_of_no_text_holds_nobody_else_up(
    swapping: Server, release_store: Path, profile: dict[str, Any], tmp_path: Path
) -> None:
    """Whatever bytes stand in CURRENT of one use case, another one is taken into service, and the first when mended."""
    release_shop(release_store, "broken", scratch=tmp_path)
    (release_store / "releases/broken/CURRENT").write_bytes(b"\xff\xfe\x00")
    make_current(release_store, "churn", "2")

    with swapping.client() as client:
        until(lambda: version(client, profile) == "2")
        until(lambda: "broken" in client.get("/readyz").json()["refused"])
        make_current(release_store, "broken", "1")
        until(lambda: "broken" in client.get("/readyz").json()["use_cases"])
        make_current(release_store, "churn", "1")
        until(lambda: version(client, profile) == "1")


def test_a_release_proved_for_one_worker_is_proved_for_its_successor(
    release_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes need no second child, which a replaced worker would wait for; other bytes do."""
    monkeypatch.setenv("PENCHANT_TALLY", str(tmp_path))
    asked: list[str] = []
    monkeypatch.setattr(watcher, "verify_release", lambda *which: asked.append(which[2]))
    make_current(release_store, "churn", "1")
    for _ in range(2):
        watcher.verified(release_store, "churn")
    make_current(release_store, "churn", "2")
    watcher.verified(release_store, "churn")
    make_current(release_store, "churn", "1")

    assert asked == ["1", "2"]


def test_a_release_that_is_replaced_leaves_nothing_to_the_collector(
    release_store: Path, profile: dict[str, Any]
) -> None:
    """Served releases are kept out of the collector's sight for good: a cycle in one would never be freed."""
    one = {"churn": watcher.verified(release_store, "churn")}
    score_profiles(one, [profile], reasons=3)
    explain_profile(one["churn"], profile)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    one.clear()
    gc.collect()
    left = [type(thing).__name__ for thing in gc.garbage]
    gc.set_debug(0)
    gc.garbage.clear()

    assert left == []


def test_a_bad_release_at_a_cold_start_is_not_ready(tmp_path: Path, profile: dict[str, Any]) -> None:
    """With no last good release the use case is missing, and /readyz says why; others are scored."""
    home = tmp_path / "home"
    release_shop(home, "churn", scratch=tmp_path / "bundles", polarity="negative")
    release_shop(home, "propensity", scratch=tmp_path / "bundles")
    flip(home / "releases/churn/1", "model.ubj")
    server = start(home, tmp_path, QUICK, ready=False)
    try:
        with server.client() as client:
            until(lambda: "sha256" in client.get("/readyz").text)

            assert client.get("/readyz").status_code == 503
            answer = client.post("/v1/scores", json={"use_cases": ["propensity"], "profiles": [profile]})
            assert answer.json()["results"][0]["scores"]["propensity"]["status"] == "scored"
            assert client.post("/v1/scores", json={"use_cases": ["churn"], "profiles": [profile]}).status_code == 404
    finally:
        stop(server)


def test_a_stop_is_announced_before_it_happens(tmp_path: Path, release_store: Path, profile: dict[str, Any]) -> None:
    """After SIGTERM the server is unready but answers, and then ends by itself with all requests answered."""
    server = start(release_store, tmp_path, {**QUICK, "PENCHANT_DRAIN_SECONDS": "1"})
    with server.client() as client:
        server.process.terminate()
        until(lambda: client.get("/readyz").status_code == 503)

        assert client.get("/readyz").json()["errors"][0]["code"] == "draining"
        assert client.post("/v1/scores", json={"profiles": [profile]}).status_code == 200
    assert server.process.wait(15) in (0, -15)
