"""What a run did, step by step: printed at its end, and kept for `penchant run status`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
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
PARTS_OF = {"score": "population", "segments": "population"}  # steps of a day that are done within another
Status = Literal["running", "done", "unchanged", "failed", "stopped", "incomplete"]


class StoppedError(BaseException):
    """The process was asked to end: what is done stays, and the same command goes on."""


class RunStep(msgspec.Struct):
    """One step: seconds it took, rows it made, and the sha256 of what it made, where there is one to tell."""

    name: str
    status: Status = "running"
    seconds: float = 0.0
    rows: int | None = None
    digest: str | None = None
    note: str | None = None


class RunState(msgspec.Struct):
    """One run, as it is and as `--json` prints it; in the home it has the steps that others did of the same run too."""

    run_id: str
    as_of: str
    status: Status = "running"  # `incomplete` in the home alone: steps are left, and nobody is at them
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
        except BaseException as failure:
            step.status = self.status = "stopped" if isinstance(failure, StoppedError) else "failed"
            raise
        finally:
            step.seconds = round(time.monotonic() - begun, 1)
            self.keep(home)
            print(step_line(step), file=sys.stderr)  # noqa: T201 the command would seem to hang

    def fail(self, home: Path, *, stopped: bool = False) -> None:
        """Keeps that it failed, or was stopped, before any step."""
        self.status = "stopped" if stopped else "failed"
        self._write(home, self)

    def begin(self, home: Path, run_id: str) -> None:
        """Keeps which run it is."""
        self.run_id = run_id
        self.keep(home)

    def end(self, home: Path, *, unchanged: bool, alone: bool, awaited: Sequence[str]) -> None:
        """Keeps how it ended; a step alone is `stopped` where it has to be done again, a run goes on without it."""
        stopped = alone and any(step.status == "stopped" for step in self.steps)
        self.status = "unchanged" if unchanged else "stopped" if stopped else "done"
        self.keep(home, "incomplete" if awaited else self.status)

    def keep(self, home: Path, status: Status | None = None) -> None:
        """Writes it to the home, with the steps of the same run that were done before it."""
        kept = _kept(home)
        if kept is None or kept.as_of != self.as_of or self.run_id not in ("", kept.run_id):
            kept = RunState("", self.as_of)
        own = {step.name for step in self.steps}
        steps = sorted([*(one for one in kept.steps if one.name not in own), *self.steps], key=_rank)
        self._write(home, RunState(self.run_id or kept.run_id, self.as_of, status or self.status, steps))

    def _write(self, home: Path, document: RunState) -> None:
        self.at = document.at = datetime.now(UTC).isoformat(timespec="seconds")
        write_file(home / POPULATION / LAST_RUN, msgspec.json.encode(document))


def last_run(home: Path) -> RunState | None:
    """The last run of a home; `stopped` where it was killed under way; None where there was none."""
    state = _kept(home)
    if state and state.status == "running" and not is_written_now(home):
        state.status = "stopped"
        for step in state.steps:
            step.status = "stopped" if step.status == "running" else step.status
    return state


def step_line(step: RunStep) -> str:
    """A step as a line of text."""
    rows = "" if step.rows is None else f", {step.rows:,} {'rows' if step.name == INGEST else 'customers'}"
    note = f", {step.note}" if step.note else ""
    return f"  {step.name:<10} {step.status} in {step.seconds:.1f} s{rows}{note}"


def _kept(home: Path) -> RunState | None:
    file = home / POPULATION / LAST_RUN
    return msgspec.json.decode(file.read_bytes(), type=RunState) if file.exists() else None


def _rank(step: RunStep) -> int:
    names = (INGEST, *STEP_NAMES)
    return names.index(step.name) if step.name in names else len(names)
