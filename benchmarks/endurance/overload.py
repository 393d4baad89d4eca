"""Twice as many requests as can be answered, sent on time whatever comes back, by a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.endurance.flood import Flood
from benchmarks.endurance.release_store import USE_CASES, ReleaseStore

WARM = 4.0  # seconds alone, and again in pursuit of the capacity
BODIES = 8  # different ones
KINDS = {"1 row": 1, "20 rows": 20, "400 rows": 400}  # customers in a request
SETTINGS = {"default": {}, "strict": {"PENCHANT_WAITING": "2"}}  # how patient the server is
MIB = 1024 * 1024
SLOWER = 3.0  # times that accepted requests may be slower at their 99th percentile than those of a caller alone
LARGER = 1.1  # times that the server's memory may be larger in the end than after ordinary load


@dataclass(frozen=True)
class Overload:
    """What an overload came to."""

    flood: Flood
    memory: tuple[int, int, int]  # bytes at rest, after ordinary load, and at the end
    seconds: float

    @property
    def slower(self) -> float:
        """The accepted requests' 99th percentile by that of a caller alone."""
        return self.flood.slow / (self.flood.alone or 1.0)

    @property
    def sound(self) -> bool:
        """Whether all others were told to come again, and the memory is what it was."""
        told = set(self.flood.statuses) <= {429, 503} and not (self.flood.unsaid or self.flood.broken)
        return told and self.memory[2] <= LARGER * self.memory[1]

    def figures(self) -> dict[str, Any]:
        """What may be quoted."""
        seen = self.flood
        refused = sum(seen.statuses.values())
        return {
            "p99 alone ms": round(1000 * seen.alone, 2),
            "p50 ms": round(1000 * seen.median, 2),
            "p99 ms": round(1000 * seen.slow, 2),
            "times slower at p99": round(self.slower, 2),
            "capacity a second": round(seen.capacity),
            "sent a second": round((seen.good + refused) / self.seconds),
            "answered a second": round(seen.good / self.seconds),
            "share refused": round(refused / max(1, refused + seen.good), 3),
            "other statuses": seen.statuses,
            "without Retry-After": seen.unsaid,
            "broken connections": seen.broken,
            "found no connection free": seen.held_back,
            "memory MiB": [size // MIB for size in self.memory],
        }


def overload(
    port: int, release_store: ReleaseStore, scratch: Path, rows: int, *, seconds: float, memory: Callable[[], int]
) -> Overload:
    """Measures one caller alone, then what can be answered, then sends twice that for so many seconds."""
    file = scratch / "bodies.json"
    file.write_text(json.dumps([_body(release_store, start, rows) for start in range(BODIES)]))
    command = [sys.executable, "-m", "benchmarks.endurance.flood", str(port), str(seconds), str(WARM), str(file)]
    idle = memory()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        asking.stdout.readline()
        used = memory()
        told = json.loads(asking.communicate("\n")[0])
    flood = Flood(**told | {"statuses": _counts(told["statuses"])})
    return Overload(flood, (idle, used, memory()), seconds)


def _counts(statuses: dict[str, int]) -> dict[int, int]:
    return {int(status): count for status, count in statuses.items()}


def _body(release_store: ReleaseStore, start: int, rows: int) -> dict[str, Any]:
    profiles = [release_store.profiles[(start + step) % len(release_store.profiles)] for step in range(rows)]
    return {"use_cases": list(USE_CASES), "profiles": profiles}
