"""Endless heads beside probes: what others wait meanwhile, and what a worker takes of memory and processor time."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from benchmarks.endurance.waits import asked, percentile
from benchmarks.processes import cpu_seconds, memory_bytes

SLOWER = 3.0  # times its own 99th percentile that /livez may take
GROWN = 32  # MiB of memory


def heads(port: int, pid: int, *, connections: int, seconds: float) -> dict[str, Any]:
    """What /livez takes alone, and while so many callers send one endless head after another.

    Callers who wait until they are cut off must hold nobody up. Those who begin anew as soon as they are answered cost
    what any callers of short connections do: of them only the memory is held against a goal.

    Args:
        port: Of the server.
        pid: Of its supervisor.
        connections: How many callers of a kind.
        seconds: Of each kind of callers, and of the probe alone before it.
    """
    endless = _beside(port, pid, "endless", connections, seconds)
    hasty = _beside(port, pid, "hasty", connections, seconds)
    met = endless["times slower"] <= SLOWER and max(endless["memory grown MiB"], hasty["memory grown MiB"]) <= GROWN
    return {"goal met": met, "endless": endless, "hasty": hasty}


def _beside(port: int, pid: int, kind: str, connections: int, seconds: float) -> dict[str, Any]:
    alone = asked(port, "GET", "/livez", b"", lambda began: time.monotonic() - began > seconds)
    memory, spent = sum(memory_bytes(pid).values()), cpu_seconds(pid)
    command = [sys.executable, "-m", "benchmarks.endurance.endless", str(port), str(seconds), str(connections), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as callers:
        beside = asked(port, "GET", "/livez", b"", lambda _: callers.poll() is not None)
        begun = int(callers.communicate()[0])
    grown, slow = sum(memory_bytes(pid).values()) - memory, [percentile(alone, 0.99), percentile(beside, 0.99)]
    return {
        "times slower": round(slow[1] / slow[0], 2),
        "/livez p99 ms, alone and beside": slow,
        "/livez p50 ms, alone and beside": [percentile(alone, 0.5), percentile(beside, 0.5)],
        "/livez calls": [len(alone), len(beside)],
        "heads begun a second": round(begun / seconds, 1),
        "processors used": round((cpu_seconds(pid) - spent) / seconds, 3),
        "memory grown MiB": round(grown / 2**20, 1),
    }
