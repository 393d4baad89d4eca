"""Workers are killed, one every few seconds, while callers go on asking."""

from __future__ import annotations

import itertools
import os
import signal
import time

from benchmarks.endurance.callers import Callers, Seen
from benchmarks.endurance.release_store import ReleaseStore
from tests.support.servers import Server, workers


def kills(server: Server, release_store: ReleaseStore, *, seconds: float, every: float) -> tuple[int, Seen]:
    """Kills a worker every so many seconds, each in its turn; returns how many, and what 8 callers saw."""
    port, killed = int(server.url.rpartition(":")[2]), 0
    with Callers(port, release_store, connections=8, pause=0.01) as callers:
        started = time.monotonic()
        for number in itertools.count(1):
            time.sleep(max(0.0, min(seconds, number * every) - (time.monotonic() - started)))
            if number * every > seconds:
                break
            alive = workers(server)
            if alive:
                os.kill(alive[number % len(alive)], signal.SIGKILL)
                killed += 1
    return killed, callers.seen
