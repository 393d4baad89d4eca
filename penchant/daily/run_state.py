"""What a run did, step by step: printed at its end, and kept for `penchant run status`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from features.spec.atomic import write_file
from scoring.population.daily_file import LAST_RUN
from scoring.population.days import POPULATION, is_written_now

_MONITORED, _ACTIVATED = (bool(find_spec(name)) for name in ("monitoring", "activation"))  # that may not be installed
INGEST = "ingest"  # the step before all others, where a use case reads from an address
STEP_NAMES = (  # in their order
    *("features", "population", "store", "flows"),
    *(("outcomes", "monitor") if _MONITORED else ()),
    *(("campaigns", "activate") if _ACTIVATED else ()),
    "retention",
    *(("retrain",) if _MONITORED else ()),
)
Status = Literal["running", "done", "unchanged", "failed", "stopped"]


class RunStep(msgspec.Struct):
    """One step: seconds it took, rows it made, and the sha256 of what it made, where there is one to tell."""

    name: str
    status: Status = "running"
    seconds: float = 0.0
    rows: int | None = None
    digest: str | None = None
    note: str | None = None


class RunState(msgspec.Struct):
    """One run, as it is and as `--json` prints it."""

    run_id: str
    as_of: str
    status: Status = "running"
    steps: list[RunStep] = []
    at: str = ""  # ISO moment of its last sign of life

    @contextmanager
    def step(self, home: Path, name: str) -> Iterator[RunStep]:
        """One step under way; what becomes of it is kept, and a line about it goes to stderr."""
        step = RunStep(name)
        self.steps.append(step)
        self.keep(home)
        begun = time.monotonic()
        try:
            yield step
            step.status = "done" if step.status == "running" else step.status
        except BaseException:
            step.status = self.status = "failed"
            raise
        finally:
            step.seconds = round(time.monotonic() - begun, 1)
            self.keep(home)
            print(step_line(step), file=sys.stderr)  # noqa: T201 the command would seem to hang

    def fail(self, home: Path) -> None:
        """Keeps that it failed before any step."""
        self.status = "failed"
        self.keep(home)

    def keep(self, home: Path) -> None:
        """Writes it to the home."""
        self.at = datetime.now(UTC).isoformat(timespec="seconds")
        write_file(home / POPULATION / LAST_RUN, msgspec.json.encode(self))


def last_run(home: Path) -> RunState | None:
    """The last run of a home; `stopped` where it was killed under way; None where there was none."""
    file = home / POPULATION / LAST_RUN
    if not file.exists():
        return None
    state = msgspec.json.decode(file.read_bytes(), type=RunState)
    if state.status == "running" and not is_written_now(home):
        state.status = "stopped"
        for step in state.steps:
            step.status = "stopped" if step.status == "running" else step.status
    return state


def step_line(step: RunStep) -> str:
    """A step as a line of text."""
    rows = "" if step.rows is None else f", {step.rows:,} {'rows' if step.name == INGEST else 'customers'}"
    note = f", {step.note}" if step.note else ""
    return f"  {step.name:<10} {step.status} in {step.seconds:.1f} s{rows}{note}"
