"""The first step of a day: what lies elsewhere than in files of this machine is brought up to date in the home."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from features.config.use_case import UseCase, origins_of
from features.spec.source_register import read_sources
from penchant.daily.day_features import StepFailedError
from penchant.daily.run_file import load_run_file
from penchant.daily.run_state import INGEST, RunState, RunStep

_UNREACHABLE = 1  # the exit code of an ingest whose source cannot be read now


def bring_up_to_date(home: Path, use_cases: Mapping[str, UseCase], state: RunState) -> dict[str, UseCase]:
    """Lands what is new at the addresses of a day's use cases, each by a process of its own; the use cases then.

    A source that does not answer leaves the copy that landed before, with which the day goes on, with a note. What a
    source gives that breaks its contract ends the run.

    Raises:
        StepFailedError: Rows or columns are not as they should be, or a source that never landed does not answer.
        SourceRegisterError: The register of sources is damaged.
    """
    away = {name: use_case for name, use_case in use_cases.items() if origins_of(use_case)}
    if not away:
        return dict(use_cases)
    with state.step(home, INGEST) as step:
        silent = [name for name, use_case in away.items() if not _landed(home, use_case)]
        _describe(home, away, silent, step)
    return load_run_file(home)[1]


def _landed(home: Path, use_case: UseCase) -> bool:
    """Whether what is new of a use case landed; False where a source does not answer, and an earlier copy is there."""
    command = [sys.executable, "-m", "penchant", "ingest", str(use_case.file.resolve()), "--home", str(home), "--json"]
    code = subprocess.run(command, stdout=subprocess.PIPE, check=False).returncode
    if code == _UNREACHABLE and all(one.path.exists() for one in origins_of(use_case)):
        return False
    if code:
        raise StepFailedError(code)
    return True


def _describe(home: Path, away: Mapping[str, UseCase], silent: list[str], step: RunStep) -> None:
    """Rows and digest of all that landed; what is too old, and what did not answer."""
    used = {name: entry for name, entry in read_sources(home).items() if set(entry.used_by) & away.keys()}
    now = datetime.now(UTC)
    step.rows = sum(entry.rows for entry in used.values())
    stated = json.dumps({name: [entry.rows, entry.watermark, entry.snapshot] for name, entry in sorted(used.items())})
    step.digest = hashlib.sha256(stated.encode()).hexdigest()
    notes = [f"the sources of {name} do not answer, what landed before is used" for name in silent]
    notes += [
        f"{name} is {entry.days_old(now)} days old, at most {entry.at_most} are accepted"
        for name, entry in used.items()
        if entry.is_too_old(now)
    ]
    step.note = "; ".join(notes) or None
