"""The server under load while things happen to it; `make endure` and `make soak` do the same for longer."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.endurance.callers import Callers
from benchmarks.endurance.shelf import USE_CASES, Shelf
from benchmarks.endurance.swaps import swaps
from tests.serving.conftest import Server, start, stop, wait_for, workers
from tests.serving.test_live import QUICK, until


def port_of(server: Server) -> int:
    """Where it listens."""
    return int(server.url.rpartition(":")[2])


def test_swaps_under_load_fail_no_request_and_mix_no_versions(tmp_path: Path) -> None:
    """Of 8 callers' answers every score is the one that the version beside it gives, one version in an answer.

    Four good releases, a damaged one, and a rollback.
    """
    shelf = Shelf(tmp_path)
    server = start(shelf.home, tmp_path, QUICK)
    try:
        held = swaps(shelf, port_of(server), swaps=3, rollbacks=1, memory=lambda: 1, settle=0.1, pause=0.05)
    finally:
        stop(server)

    assert held.seen.failed == 0, held.seen
    assert held.seen.good > 100
    assert (held.taken, held.refused) == (5, 1)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A shelf whose scores are known."""
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def pair(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two workers."""
    command = [sys.executable, "-m", "serving", "--home", str(shelf.home), "--workers", "2"]
    settings = {**QUICK, "PENCHANT_DRAIN_SECONDS": "1"}
    running = start(shelf.home, tmp_path_factory.mktemp("server"), settings, command=command)
    yield running
    stop(running)


@pytest.mark.parametrize("how_many", [1, 2], ids=["one", "all"])
def test_killed_workers_cost_connections_and_nothing_else(pair: Server, shelf: Shelf, how_many: int) -> None:
    """Callers see broken connections, never another status or a wrong score; the dead are replaced without a wait."""
    until(lambda: len(workers(pair)) == 2)
    with Callers(port_of(pair), shelf, connections=4, pause=0.02) as callers:
        until(lambda: callers.seen.good > 20)
        before = workers(pair)
        for worker in before[:how_many]:
            os.kill(worker, signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: len(set(workers(pair)) - set(before)) == how_many, seconds=9)
        replaced = time.monotonic() - killed
        good = callers.seen.good
        until(lambda: callers.seen.good > good + 20, seconds=60)

    assert replaced < 5  # BentoML alone takes up to ten seconds to notice
    assert (callers.seen.statuses, callers.seen.wrong) == ({}, [])


def test_a_stop_under_load_loses_no_request(pair: Server, shelf: Shelf) -> None:
    """Until callers have seen that it is not ready each is answered; a long answer under way is finished; it ends."""
    wait_for(pair, "/readyz")
    long: list[int] = []

    def ask_much() -> None:
        asked = {"use_cases": list(USE_CASES), "profiles": shelf.profiles * 25, "reasons": 20}
        long.append(httpx.post(f"{pair.url}/v1/scores", json=asked, timeout=60, trust_env=False).status_code)

    asking = threading.Thread(target=ask_much)
    with Callers(port_of(pair), shelf, connections=4, pause=0.02) as callers, pair.client() as client:
        until(lambda: callers.seen.good > 20)
        asking.start()
        pair.process.terminate()
        until(lambda: client.get("/readyz").status_code == 503)
    asking.join()

    assert callers.seen.failed == 0, callers.seen
    assert long == [200]
    assert pair.process.wait(20) in (0, -15)
