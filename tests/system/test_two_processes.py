"""What lets two processes of one run test at a time without getting in each other's way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import made_once
from tests.support.ports import free_port


def test_what_is_shared_is_made_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever comes second waits until it is whole."""
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.1)
        (folder / "whole").touch()

    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: (made_once(tmp_path_factory, "thing", make) / "whole").exists(), range(4)))

    assert given == [True] * 4
    assert len(made) == 1


def test_two_processes_are_never_given_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look for a port and the start of its server the other one may look too."""
    given: list[set[int]] = []
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")
    for name in ("gw0", "gw1"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", name)
        given.append({free_port() for _ in range(300)})

    assert len(given[0]) > 100
    assert len(given[1]) > 100
    assert not given[0] & given[1]
