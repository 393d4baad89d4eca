"""Releases come and go under load, a third of them damaged; every answer is held against the version it names."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.endurance.callers import Callers, Seen
from benchmarks.endurance.damage import QUICK
from benchmarks.endurance.release_store import USE_CASES, ReleaseStore, renamed

PATIENCE = 150.0  # seconds until a swap must have been taken or refused
KEPT = 4  # versions of a use case that stay in the release store


@dataclass
class Swaps:
    """What a run of swaps and rollbacks came to."""

    taken: int = 0
    refused: int = 0
    seen: Seen = field(default_factory=Seen)
    memory: tuple[int, int] = (0, 0)  # bytes before and after

    @property
    def growth(self) -> float:
        """Memory after by memory before, less one."""
        return self.memory[1] / max(1, self.memory[0]) - 1


class Swapper:
    """Whoever puts releases in the release store and waits until the server has taken or refused each."""

    def __init__(self, release_store: ReleaseStore, port: int, *, seed: int) -> None:
        self.result = Swaps()
        self._release_store = release_store
        self._port = port
        self._draw = random.Random(seed)  # noqa: S311 a draw that can be repeated
        self._good = {name: ["1"] for name in USE_CASES}  # versions that were served, the last one is now
        self._latest = dict.fromkeys(USE_CASES, 1)

    def warm(self) -> None:
        """A new version of each use case: what the first swap takes, stays."""
        for name in USE_CASES:
            self._put_new(name, bad=False)

    def swap(self, *, bad: bool) -> None:
        """A new version of one use case."""
        self._put_new(self._draw.choice(list(USE_CASES)), bad=bad)

    def _put_new(self, name: str, *, bad: bool) -> None:
        self._latest[name] += 1
        version = str(self._latest[name])
        folder = self._release_store.install(name, version)
        if bad:
            self._draw.choice(QUICK)(folder, self._draw)
        self._point(name, version, bad=bad)

    def roll_back(self, *, bad: bool) -> None:
        """The version before the one that is served, which may have been damaged meanwhile."""
        name = max(self._good, key=lambda one: len(self._good[one]))
        while len(self._good[name]) < 3:
            self._put_new(name, bad=False)
        self._good[name].pop()
        version = self._good[name][-1]
        folder = self._release_store.home / "releases" / name / version
        renamed(folder, version)  # released anew: another file, the same words
        if bad:
            self._draw.choice(QUICK)(folder, self._draw)
            self._good[name].pop()
        self._point(name, version, bad=bad)

    def _point(self, name: str, version: str, *, bad: bool) -> None:
        self._release_store.point(name, version)
        if bad:
            until(lambda: ready(self._port)["refused"].get(name, {}).get("version") == version)
            self.result.refused += 1
            return
        until(lambda: ready(self._port)["use_cases"][name]["model_version"] == version)
        self.result.taken += 1
        if self._good[name][-1] != version:
            self._good[name].append(version)
        while len(self._good[name]) > KEPT:
            self._release_store.retire(name, self._good[name].pop(0))


def swaps(
    release_store: ReleaseStore,
    port: int,
    *,
    swaps: int,
    rollbacks: int,
    memory: Callable[[], int],
    settle: float,
    pause: float = 0.01,
    seed: int = 1,
) -> Swaps:
    """Swaps with a rollback now and then, every third bad, under load from 8 connections.

    Args:
        release_store: Of the server.
        port: Of the server.
        swaps: How many new versions.
        rollbacks: How many steps back.
        memory: What the server holds now, in bytes.
        settle: Seconds of load without swaps before memory is read, at the start and the end.
        pause: Seconds each caller waits between an answer and the next request.
        seed: Of all that is drawn.
    """
    swapper = Swapper(release_store, port, seed=seed)
    every = max(2, swaps // max(1, rollbacks))
    with Callers(port, release_store, connections=8, pause=pause) as callers:
        swapper.warm()
        time.sleep(settle)
        before = memory()
        back = 0
        for number in range(swaps):
            swapper.swap(bad=number % 3 == 2)
            if number % every == every - 1 and back < rollbacks:
                swapper.roll_back(bad=back % 3 == 2)
                back += 1
        time.sleep(settle)
        swapper.result.memory = (before, memory())
    swapper.result.seen = callers.seen
    return swapper.result


def ready(port: int) -> Any:
    """The document of /readyz."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
        return json.loads(answer.read())


def until(holds: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Waits until something holds."""
    latest = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > latest:
            raise TimeoutError("What was waited for did not come.")
        time.sleep(0.05)
