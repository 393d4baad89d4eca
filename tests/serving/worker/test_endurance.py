"""The server under load while things happen to it; `make endure` and `make soak` do the same for longer."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.endurance.callers import Callers
from benchmarks.endurance.release_store import USE_CASES, ReleaseStore
from benchmarks.endurance.swaps import swaps
from tests.support.servers import QUICK, Server, launch, parent_of, start, stop, until, wait_for, workers


def port_of(server: Server) -> int:
    """Where it listens."""
    return int(server.url.rpartition(":")[2])


def test_swaps_under_load_fail_no_request_and_mix_no_versions(tmp_path: Path) -> None:
    """Of 8 callers' answers every score is the one that the version beside it gives, one version in an answer.

    Four good releases, a damaged one, and a rollback.
    """
    release_store = ReleaseStore(tmp_path)
    server = start(release_store.home, tmp_path, QUICK)
    try:
        held = swaps(release_store, port_of(server), swaps=3, rollbacks=1, memory=lambda: 1, settle=0.1, pause=0.05)
    finally:
        stop(server)

    assert held.seen.failed == 0, held.seen
    assert held.seen.good > 100
    assert (held.taken, held.refused) == (5, 1)


@pytest.fixture(scope="module")
def release_store(tmp_path_factory: pytest.TempPathFactory) -> ReleaseStore:
    """A release store whose scores are known."""
    return ReleaseStore(tmp_path_factory.mktemp("release_store"))


@pytest.fixture(scope="module")
def pair(release_store: ReleaseStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two workers."""
    command = [sys.executable, "-m", "serving", "--home", str(release_store.home), "--workers", "2"]
    settings = {**QUICK, "PENCHANT_DRAIN_SECONDS": "1", "PYTHONPROFILEIMPORTTIME": "1"}  # which notes each import
    running = start(release_store.home, tmp_path_factory.mktemp("server"), settings, command=command)
    yield running
    stop(running)


@pytest.mark.parametrize("how_many", [1, 2], ids=["one", "all"])
def test_killed_workers_cost_connections_and_nothing_else(
    pair: Server, release_store: ReleaseStore, how_many: int
) -> None:
    """Callers see broken connections, never another status or a wrong score; the dead are replaced without an import.

    Time tells nothing of how they are replaced on a busy machine, the modules that a new worker imports do.
    """
    until(lambda: len(workers(pair)) == 2)
    started = counted(pair, "penchant_worker_starts_total")
    with Callers(port_of(pair), release_store, connections=4, pause=0.02) as callers:
        until(lambda: callers.seen.good > 20)
        before, written = workers(pair), len(pair.written())
        for worker in before[:how_many]:
            os.kill(worker, signal.SIGKILL)
        until(lambda: len(set(workers(pair)) - set(before)) == how_many, seconds=9)
        good = callers.seen.good
        until(lambda: callers.seen.good > good + 20, seconds=60)
        until(lambda: counted(pair, "penchant_worker_starts_total") == started + how_many)

    assert (callers.seen.statuses, callers.seen.wrong) == ({}, [])
    assert pair.written()[written:].count('"worker_ended"') == how_many
    assert "import time:" not in pair.written()[written:]


def counted(server: Server, name: str) -> float:
    """A counter without labels, of all workers."""
    with server.client() as client:
        lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def test_a_stop_under_load_loses_no_request(pair: Server, release_store: ReleaseStore) -> None:
    """Until callers have seen that it is not ready each is answered; a long answer under way is finished; it ends."""
    wait_for(pair, "/readyz")
    long: list[int] = []

    def ask_much() -> None:
        asked = {"use_cases": list(USE_CASES), "profiles": release_store.profiles * 25, "reasons": 20}
        long.append(httpx.post(f"{pair.url}/v1/scores", json=asked, timeout=60, trust_env=False).status_code)

    asking = threading.Thread(target=ask_much)
    with Callers(port_of(pair), release_store, connections=4, pause=0.02) as callers, pair.client() as client:
        until(lambda: callers.seen.good > 20)
        asking.start()
        pair.process.terminate()
        until(lambda: client.get("/readyz").status_code == 503)
    asking.join()

    assert callers.seen.failed == 0, callers.seen
    assert long == [200]
    assert pair.process.wait(20) in (0, -15)


def test_without_its_supervisor_no_worker_goes_on(release_store: ReleaseStore, tmp_path: Path) -> None:
    """Nobody would ever replace or stop them, and they would keep the port: they end by themselves."""
    server = start(release_store.home, tmp_path, QUICK)
    alone = workers(server)
    server.process.kill()
    server.process.wait()

    until(lambda: not any(parent_of(worker) for worker in alone))
    assert len(alone) == 1
    assert "supervisor_gone" in server.written()


def test_a_worker_that_will_not_start_is_tried_later_and_later(release_store: ReleaseStore, tmp_path: Path) -> None:
    """The log says what is wrong each time, and when it is tried again; a stop is obeyed meanwhile."""
    settings = {**QUICK, "PENCHANT_HOME": str(release_store.home), "PENCHANT_WAITING": "many"}
    server = launch(release_store.home, tmp_path, settings, command=[sys.executable, "-m", "bentoml", "serve"])
    try:
        until(lambda: server.written().count('"worker_ended"') > 3, seconds=60)
    finally:
        stop(server)

    assert server.process.returncode == 0
    lines = [json.loads(line) for line in server.written().splitlines() if line.startswith("{")]
    ends = [(line["exit_code"], line["again_in"]) for line in lines if line["event"] == "worker_ended"]
    assert ends == [(1, 0.0), (1, 0.4), (1, 0.8), (1, 1.6)]
    assert "PENCHANT_WAITING" in next(line["settings"] for line in lines if line["event"] == "worker_failed")
