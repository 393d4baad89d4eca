"""One day from sources to the population: features, scores with reasons and segments, store, flows."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from features.config.use_case import UseCase
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import objectors_of
from features.tables.digests import code_digest, config_digest, input_digest
from features.tables.population_schema import check_population
from penchant.daily.day_features import StepFailedError, joined
from penchant.daily.run_file import DailyUseCase, RunFile
from penchant.daily.run_state import RunState
from scoring.answers.served_release import Live
from scoring.audiences.segment_report import segment_report
from scoring.audiences.sizes import keep_report, keep_sizes, snapshot_document
from scoring.audiences.snapshot import SnapshotInputs, open_snapshot
from scoring.batch.table_answers import covered_column
from scoring.bundle.golden_rows import replay
from scoring.population.day_index import codes_of
from scoring.population.days import POPULATION, Day, day_folder, days_of, only_writer, open_day
from scoring.population.forget import forget_objectors, forget_old, settle_indexes
from scoring.population.write_day import DayInputs, write_day
from scoring.privacy.suppression import open_suppression
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import load_release
from scoring.segments.assignment import current_policy
from scoring.segments.policy import Policy

Entries = Mapping[str, tuple[DailyUseCase, UseCase]]


def run_day(home: Path, run_file: RunFile, use_cases: Mapping[str, UseCase], as_of: datetime) -> RunState:
    """Runs a day and returns what was done; the same inputs as last time do nothing again.

    A run that was killed leaves the days that were there in service, and is done anew by the same command.

    Raises:
        PopulationBusyError: Another run of this home is under way.
        StepFailedError: A step's own process failed.
        DataError: The data broke its contract.
        BatchError: A table cannot be read or lacks a feature.
        AudienceError: A customer stands twice in a table.
        BundleError: No use case is in service, or a release is not what it was.
        SuppressionError: The suppression list cannot be read.
    """
    with only_writer(home):
        live = _live(home, use_cases)
        entries = {name: (entry, use_cases[name]) for name, entry in _named(run_file, use_cases) if name in live}
        policy, before = current_policy(home), _day_before(home, as_of)
        state = RunState(_run_id(home, entries, live, policy, before, as_of), as_of.isoformat())
        folder = day_folder(home, as_of)
        if folder.is_dir() and open_day(folder).manifest.run_id == state.run_id:
            settle_indexes(home, codes_of(live))  # of a day that earlier code made, or whose run was killed at the end
            state.status = "unchanged"
            state.keep(home)
            return state
        _steps(home, state, entries, live, policy, before, as_of)
        with state.step(home, "retention") as step:
            forget_objectors(home, open_day(folder))  # who came onto the list while the day was made
            step.note = f"{_forget_old(home, run_file, use_cases, as_of)} old days"
            settle_indexes(home, codes_of(live))
        state.status = "done"
        state.keep(home)
        return state


def _steps(
    home: Path,
    state: RunState,
    entries: Entries,
    live: Mapping[str, Live],
    policy: Policy,
    before: Day | None,
    as_of: datetime,
) -> None:
    work = home / POPULATION / ".work"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    previous = open_snapshot(before.folder) if before else None
    with state.step(home, "features") as step:
        source, step.rows = joined(entries, as_of, work, home)
        step.digest = _sha256(source)
    with state.step(home, "population") as step:
        inputs = SnapshotInputs(live, policy, source, as_of.date(), previous, open_suppression(home))
        counts = write_day(
            home, DayInputs(state.run_id, as_of, inputs), check=lambda parts: check_population(parts, list(live))
        )
        day = open_day(day_folder(home, as_of))
        step.rows, step.digest = counts.customers, _sha256(day.folder / "manifest.json")
    with state.step(home, "store") as step:
        step.rows = _load_store(home, source, live, work, as_of)
    with state.step(home, "flows") as step:
        document = snapshot_document(policy, live, as_of.date(), counts, compared=previous is not None)
        keep_sizes(home, document, day.folder)
        if previous:
            report = segment_report(previous, open_snapshot(day.folder))
            keep_report(home, report)
            step.note = f"{report['moved']:,} moved since {previous.as_of}"
    shutil.rmtree(work)


def _live(home: Path, use_cases: Mapping[str, UseCase]) -> dict[str, Live]:
    """The releases of those that are in service, each of which gives its golden rows back."""
    released = set(released_use_cases(home))
    names = [name for name in use_cases if name in released] or list(use_cases)  # none: the first says why
    live = {name: Live(load_release(home, name, threads=1)) for name in names}
    for served in live.values():
        replay(served.release.bundle)
    return live


def _named(run_file: RunFile, use_cases: Mapping[str, UseCase]) -> list[tuple[str, DailyUseCase]]:
    return list(zip(use_cases, run_file.use_case, strict=True))


def _day_before(home: Path, as_of: datetime) -> Day | None:
    earlier = [day for day in days_of(home) if day.manifest.as_of < as_of]
    return earlier[-1] if earlier else None


def _run_id(
    home: Path,
    entries: Entries,
    live: Mapping[str, Live],
    policy: Policy,
    before: Day | None,
    as_of: datetime,
) -> str:
    """Another whenever the day could come out otherwise."""
    objectors = objectors_of(home)
    stated = {
        "as_of": as_of.isoformat(),
        "sources": {name: [input_digest(use_case), config_digest(use_case)] for name, (_, use_case) in entries.items()},
        "rows": {name: _sha256(entry.rows) for name, (entry, _) in entries.items() if entry.rows},
        "code": code_digest(),
        "models": {name: served.release.facts.manifest_sha256 for name, served in live.items()},
        "policy": policy.version,
        "before": before.manifest.run_id if before else None,
        "objectors": objectors.digest() if objectors else None,
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:16]


def _load_store(home: Path, source: Path, live: Mapping[str, Live], work: Path, as_of: datetime) -> int:
    """Brings the online store up to the day, by the command that does it; a set of columns is loaded once."""
    customers, loaded = pl.scan_parquet(source), dict[frozenset[str], str]()
    for name, served in live.items():
        loaded.setdefault(frozenset(served.scorer.encoder.names), name)
    count = 0
    for columns, name in loaded.items():
        file = work / f"store-{name}.parquet"
        rows = customers.filter(pl.col(covered_column(name))).select(CUSTOMER_ID, *sorted(columns)).collect()
        rows.write_parquet(file)
        command = [sys.executable, "-m", "serving", "load", str(file), "--as-of", as_of.isoformat()]
        done = subprocess.run([*command, "--home", str(home), "--json"], stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise StepFailedError(done.returncode)
        count = max(count, json.loads(done.stdout)["customers"])
    return count


def _forget_old(home: Path, run_file: RunFile, use_cases: Mapping[str, UseCase], as_of: datetime) -> int:
    windows = [use_case.window for use_case in use_cases.values() if use_case.source == "log"]
    matured = timedelta(days=max((window.gap + window.prediction for window in windows), default=0))
    kept = run_file.population
    return forget_old(home, as_of.date(), keep=timedelta(days=kept.keep), matured=matured, months=kept.months)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
