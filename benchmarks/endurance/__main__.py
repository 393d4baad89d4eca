"""`python -m benchmarks.endurance PART...`: what the server bears; figures on stdout, exit 1 where a goal is missed."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.endurance.callers import Callers, told
from benchmarks.endurance.erasures import erasures, fill
from benchmarks.endurance.heads import heads
from benchmarks.endurance.kills import kills
from benchmarks.endurance.overload import KINDS, SETTINGS, SLOWER, overload
from benchmarks.endurance.refusals import drawn, refusals
from benchmarks.endurance.release_store import ReleaseStore
from benchmarks.endurance.swaps import Swapper, swaps
from benchmarks.processes import memory_bytes, tree
from tests.support.servers import Server, start, stop

QUICK = {"PENCHANT_POLL_SECONDS": "0.2", "PENCHANT_DRAIN_SECONDS": "0.5"}
USUAL = {"PENCHANT_POLL_SECONDS": "1"}  # where nothing is swapped
MIB = 1024 * 1024


def main() -> int:
    """Runs the parts asked for, one after the other."""
    options = _parser().parse_args()
    missed = []
    for part in options.parts:
        with tempfile.TemporaryDirectory() as scratch:
            figures = PARTS[part](Path(scratch), options)
        print(json.dumps({part: figures}, indent=1), flush=True)
        missed += [part] if not figures["goal met"] else []
    if missed:
        print(f"Missed: {', '.join(missed)}.", file=sys.stderr)
    return bool(missed)


def _swaps(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """100 swaps and 20 rollbacks, a third of them of damaged releases, under load from 8 connections."""
    release_store = ReleaseStore(scratch)
    with _serving(release_store, scratch) as server:
        held = swaps(
            release_store,
            _port(server),
            swaps=options.swaps,
            rollbacks=options.swaps // 5,
            memory=_memory(server),
            settle=10,
        )
    goal = not held.seen.failed and abs(held.growth) <= 0.05
    return {
        "goal met": goal,
        "taken": held.taken,
        "refused": held.refused,
        **told(held.seen),
        "memory MiB": [size // MIB for size in held.memory],
        "memory growth": round(held.growth, 4),
    }


def _refusals(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """400 damaged releases, of which each must be refused without harm to whoever asked."""
    found = refusals(ReleaseStore(scratch), drawn(options.damaged, slow=True))
    return {
        "goal met": not found.taken,
        "held up": found.total,
        "refused": dict(sorted(found.refused.items())),
        "taken": found.taken,
        "said": dict(found.said.most_common()),
    }


def _kills(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """A worker of two killed every 5 seconds for 2 minutes."""
    release_store = ReleaseStore(scratch)
    with _serving(release_store, scratch, workers=2) as server:
        killed, seen = kills(server, release_store, seconds=options.seconds or 120, every=5)
    only_broken = not (seen.statuses or seen.wrong)
    return {
        "goal met": only_broken and seen.outage < 1,
        "killed": killed,
        "share failed": round(seen.share, 6),
        "longest without any answer s": round(seen.outage, 3),
        "longest for one caller s": round(seen.waited, 3),
        **told(seen),
    }


def _overload(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Twice the capacity for 60 seconds, with requests of each size, by default and as strictly as it can be set."""
    release_store = ReleaseStore(scratch)
    figures: dict[str, Any] = {"goal met": True}
    for setting, surroundings in SETTINGS.items():
        for kind, rows in KINDS.items():
            with _serving(release_store, scratch, {**USUAL, **surroundings}) as server:
                seconds = options.seconds or 60
                held = overload(_port(server), release_store, scratch, rows, seconds=seconds, memory=_memory(server))
            figures["goal met"] &= held.sound and held.slower <= SLOWER
            figures[f"{kind}, {setting}"] = held.figures()
            print(f"{kind}, {setting}: {held.slower:.2f} times slower at p99", file=sys.stderr, flush=True)
    return figures


def _soak(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Load for many minutes with a swap a minute: memory and descriptors at the start and the end."""
    release_store, seconds = ReleaseStore(scratch), 60 * options.minutes
    with _serving(release_store, scratch, {"PENCHANT_DECISIONS": "on"}, workers=2) as server:
        swapper = Swapper(release_store, _port(server), seed=2)
        with Callers(_port(server), release_store, connections=8, pause=0.02) as callers:
            time.sleep(min(60.0, seconds / 10))
            swapper.warm()
            time.sleep(min(30.0, seconds / 10))
            course: list[dict[str, int]] = []
            before, until = _state(server), time.monotonic() + seconds
            while time.monotonic() < until:
                time.sleep(min(60.0, max(0.0, until - time.monotonic())))
                swapper.swap(bad=len(course) % 3 == 2)
                course.append(_state(server))
            time.sleep(5)
            after = _state(server)
    growth = after["memory MiB"] / before["memory MiB"] - 1
    return {
        "goal met": not callers.seen.failed and growth <= 0.05 and after["descriptors"] <= before["descriptors"] + 2,
        "minutes": options.minutes,
        "before": before,
        "after": after,
        "memory growth": round(growth, 4),
        "course MiB": [state["memory MiB"] for state in course],
        "swaps": swapper.result.taken,
        "refused": swapper.result.refused,
        **told(callers.seen),
    }


def _erasures(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """60 erasures in 60 seconds beside load, on a log of 2 million decisions."""
    release_store = ReleaseStore(scratch)
    fill(release_store.home, options.decisions)
    with _serving(release_store, scratch, {**USUAL, "PENCHANT_DECISIONS": "on"}) as server:
        seconds = options.seconds or 60
        return erasures(_port(server), release_store.home, release_store.body(0, 1)[0], count=60, seconds=seconds)


def _heads(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Endless heads on 8 connections for 20 seconds, by callers who are cut off and by those who begin anew before."""
    with _serving(ReleaseStore(scratch), scratch, USUAL) as server:
        return heads(_port(server), server.process.pid, connections=8, seconds=options.seconds or 20)


PARTS = {
    "swaps": _swaps,
    "refusals": _refusals,
    "kills": _kills,
    "overload": _overload,
    "soak": _soak,
    "erasures": _erasures,
    "heads": _heads,
}


@contextmanager
def _serving(
    release_store: ReleaseStore, scratch: Path, settings: Mapping[str, str] = MappingProxyType({}), *, workers: int = 1
) -> Iterator[Server]:
    command = [sys.executable, "-m", "serving", "--home", str(release_store.home), "--workers", str(workers)]
    server = start(release_store.home, scratch, {**QUICK, **settings}, command=command)
    try:
        yield server
    finally:
        stop(server)


def _port(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


def _memory(server: Server) -> Any:
    return lambda: sum(memory_bytes(server.process.pid).values())


def _state(server: Server) -> dict[str, int]:
    """What the server's processes hold, those apart that only prove a release."""
    descriptors = [len(list(Path(f"/proc/{one}/fd").glob("*"))) for one in tree(server.process.pid)]
    return {"memory MiB": _memory(server)() // MIB, "processes": len(descriptors), "descriptors": sum(descriptors)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endurance", description=__doc__)
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--minutes", type=float, default=20, help="of the soak (default: %(default)s)")
    parser.add_argument("--swaps", type=int, default=100, help="and a fifth of it rollbacks (default: %(default)s)")
    parser.add_argument("--damaged", type=int, default=400, help="releases to refuse (default: %(default)s)")
    parser.add_argument("--decisions", type=int, default=2_000_000, help="in the log (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="of each part, in place of its own")
    return parser


if __name__ == "__main__":
    sys.exit(main())
