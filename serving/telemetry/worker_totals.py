"""One tally for several workers: each writes its counts into a folder they share, and whichever is asked adds them up.

The last counts of a worker that ends stay, so that no counter ever falls while the server runs. What the others
have counted is at most one look at the release store old.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from serving.telemetry.metrics import FAMILIES, Counters, Family

FOLDER = "PENCHANT_TALLY"  # the environment variable by which workers know the folder
_BY_NAME: dict[str, Family] = {family.name: family for family in FAMILIES}


def folder() -> Path | None:
    """The folder the workers of this server share; None where there is none."""
    named = os.environ.get(FOLDER)
    return Path(named) if named and Path(named).is_dir() else None


def publish(registry: Counters) -> None:
    """Writes this worker's counts; a full or read-only disk costs the sum, not the server."""
    shared = folder()
    if shared is None:
        return
    now = Counters()
    now.include(registry)
    state = {
        "counts": [[family.name, labels, value] for (family, labels), value in now.counts.items()],
        "spread": [[family.name, labels, values] for (family, labels), values in now.spread.items()],
    }
    draft = shared / f".{os.getpid()}.tmp"
    with suppress(OSError):
        draft.write_text(json.dumps(state))
        draft.replace(shared / f"{os.getpid()}.json")


def total(own: Counters) -> Counters:
    """This worker's counts as they are now, and those the others wrote."""
    summed = Counters()
    for one in (own, *_others()):
        summed.include(one)
    return summed


def _others() -> Iterator[Counters]:
    shared = folder()
    for path in sorted(shared.glob("*.json")) if shared else ():
        if path.stem == str(os.getpid()):
            continue
        with suppress(OSError, ValueError, KeyError):
            yield _read(path)


def _read(path: Path) -> Counters:
    state = json.loads(path.read_bytes())
    other = Counters()
    for name, labels, value in state["counts"]:
        other.counts[_BY_NAME[name], tuple(labels)] = value
    other.spread = {(_BY_NAME[name], tuple(labels)): values for name, labels, values in state["spread"]}
    return other
