"""One day from sources to the population: features, scores with reasons and segments, store, flows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from features.config.use_case import UseCase, origins_of
from features.spec.suppression_list import objectors_of
from features.tables.digests import code_digest, config_digest, input_digest
from penchant.daily.day_features import Entries
from penchant.daily.day_steps import STEPS, DayContext
from penchant.daily.ingest_step import bring_up_to_date
from penchant.daily.run_file import DailyUseCase, RunFile
from penchant.daily.run_record import (
    RunRecord,
    Stated,
    goes_on,
    read_record,
    run_id_of,
    was_unfinished,
    with_sources_of,
    write_record,
)
from penchant.daily.run_state import INGEST, RunState, StoppedError
from penchant.daily.step_datasets import day_datasets, landed_datasets, step_datasets
from penchant.lineage.tracker import LineageTracker, lineage
from scoring.answers.served_release import Live, discovered_digests, open_live
from scoring.bundle.bundle import canonical_json
from scoring.population.day_index import codes_of
from scoring.population.days import Day, day_folder, days_of, digest_of, only_writer, open_day
from scoring.population.forget import settle_indexes
from scoring.privacy.marks_of_trail import mark_by_trail
from scoring.privacy.retention_file import read_retention
from scoring.releases.current_pointer import released_use_cases
from scoring.segments.assignment import current_policy
from scoring.segments.policy import Policy

JOB = "penchant.run"  # to whoever follows the lineage; a step's name comes after a dot


def run_day(
    home: Path, run_file: RunFile, use_cases: Mapping[str, UseCase], as_of: datetime, *, only: str | None = None
) -> RunState:
    """Runs a day and returns what was done; the same inputs as last time do nothing again.

    A run that was killed or stopped leaves the days that were there in service; the same command goes on with the steps
    after its day, or does the day anew. A step alone goes on with the run of its day that was begun: sources as they
    were read, whatever was promoted or objected since.

    Args:
        home: Where releases and days stand.
        run_file: What a day holds.
        use_cases: Those it names.
        as_of: The moment, UTC.
        only: `ingest` or one of `STEPS`, done whether or not it was done before; None: all that there is to do.

    Raises:
        PopulationBusyError: Another run of this home is under way.
        StepFailedError: A step's own process failed.
        StepInputsError: What `only` needs is not there.
        DataError: The data broke its contract.
        BatchError: A table cannot be read or lacks a feature.
        AudienceError: A customer stands twice in a table.
        BundleError: No use case is in service, or a release is not what it was.
        PopulationError: The day before is not what its run wrote.
        SuppressionError: The suppression list cannot be read.
        RetentionError: retention.toml has a broken key.
    """
    with only_writer(home), lineage(home, run_file.lineage) as jobs:
        state = RunState("", as_of.isoformat())
        try:
            read_retention(home)  # broken rules are named before anything is done
            mark_by_trail(home)  # whose erasure a backup has undone is in no day
            if only in (None, INGEST):
                use_cases = _ingest(home, use_cases, state, jobs)
            context = day_context(home, run_file, use_cases, as_of)
        except (Exception, StoppedError) as failure:
            state.fail(home, stopped=isinstance(failure, StoppedError))
            raise
        context, steps = _to_do(context) if only is None else _alone(context, only)
        state.begin(home, context.run_id)
        if only is None:
            with jobs.job(JOB, partial(day_datasets, context), run_id=context.run_id, as_of=state.as_of) as day:
                _do(context, steps, state, day, anew=True)
        else:
            _do(context, steps, state, jobs, anew=False)
        if not steps and only is None:
            settle_indexes(home, codes_of(context.live))  # of a day that earlier code made
        unchanged = not steps and only is None
        state.end(home, unchanged=unchanged, alone=only is not None, awaited=_awaited(context))
        return state


def _ingest(
    home: Path, use_cases: Mapping[str, UseCase], state: RunState, jobs: LineageTracker
) -> Mapping[str, UseCase]:
    """What is new at addresses, where a use case reads from one."""
    if not any(map(origins_of, use_cases.values())):
        return use_cases
    with jobs.job(f"{JOB}.{INGEST}", partial(landed_datasets, home, use_cases), as_of=state.as_of, kind="TASK"):
        return bring_up_to_date(home, use_cases, state)


def _do(context: DayContext, steps: Sequence[str], state: RunState, jobs: LineageTracker, *, anew: bool) -> None:
    """Does some steps; each is a job of its own to whoever follows the lineage."""
    for name in steps:
        with state.step(context.home, name) as step:
            known = partial(step_datasets, context, name, step)
            with jobs.job(f"{JOB}.{name}", known, run_id=context.run_id, as_of=state.as_of, kind="TASK") as job:
                _begin(context, name, anew=anew)
                STEPS[name](context, step)
                job.failure = "stopped" if step.status == "stopped" else None
        if step.status != "stopped":
            _note_done(context, name)


def day_context(home: Path, run_file: RunFile, use_cases: Mapping[str, UseCase], as_of: datetime) -> DayContext:
    """What a day would be made of, with the id of the run; raises as `run_day`."""
    live = _live(home, use_cases)
    entries = {name: (entry, use_cases[name]) for name, entry in _named(run_file, use_cases) if name in live}
    policy, before = current_policy(home), _day_before(home, as_of)
    stated = _stated(home, entries, live, policy, before, as_of)
    return DayContext(home, run_id_of(stated), as_of, run_file, entries, live, policy, before, stated)


def _to_do(context: DayContext) -> tuple[DayContext, list[str]]:
    """The run and its steps: all, those left of the run that made the day, or none."""
    record, made = read_record(context.home, context.as_of), _made(context)
    if record and made == record.run_id:
        left = [name for name in STEPS if name not in record.done]
        if goes_on(record, context.stated, left):
            return replace(context, run_id=made, stated=record.stated), left
        if not left and context.run_id in (made, record.after):
            return replace(context, run_id=made), []
    elif made == context.run_id:  # by earlier code
        return context, _after_the_day() if was_unfinished(context.home, made) else []
    return context, list(STEPS)


def _alone(context: DayContext, only: str) -> tuple[DayContext, list[str]]:
    """One step, of the run that was begun for its day where there is one; `features` begins one."""
    record = read_record(context.home, context.as_of)
    made = _made(context)
    if only == "population":
        stated = with_sources_of(record, context.stated)
        context = replace(context, run_id=run_id_of(stated), stated=stated)
        if context.has_features or record is None or made != record.run_id:
            return context, [only]
    if record and only not in (INGEST, "features") and made == record.run_id:
        return replace(context, run_id=record.run_id, stated=record.stated), [only]
    return context, [only] if only in STEPS else []


def _after_the_day() -> list[str]:
    return list(STEPS)[list(STEPS).index("population") + 1 :]


def _made(context: DayContext) -> str | None:
    """The id of the run that made the day which is there."""
    folder = day_folder(context.home, context.as_of)
    return open_day(folder).manifest.run_id if folder.is_dir() else None


def _begin(context: DayContext, name: str, *, anew: bool) -> None:
    """The record of the run, before the first of its steps leaves anything; one of the same run stays as it is."""
    record = read_record(context.home, context.as_of)
    if record and record.run_id == context.run_id and not (anew and name == "features"):
        return
    if name == "population" and not context.has_features:
        return  # which the step itself says
    done: tuple[str, ...] = ("features",) if name == "population" else ()
    if name not in ("features", "population"):
        context.day(name)  # by earlier code
        done = ("features", "population") if was_unfinished(context.home, context.run_id) else tuple(STEPS)
    write_record(context.home, context.as_of, RunRecord(context.run_id, context.stated, done))


def _note_done(context: DayContext, name: str) -> None:
    record = read_record(context.home, context.as_of)
    if record is None or record.run_id != context.run_id:
        return
    done = (*(one for one in record.done if one != name), name)
    after = _id_now(context) if name == "retrain" else record.after
    write_record(context.home, context.as_of, RunRecord(record.run_id, record.stated, done, after))


def _id_now(context: DayContext) -> str:
    """The id by the models that serve after a training, with all else as the run has it."""
    models = _models_of(_live(context.home, {name: use_case for name, (_, use_case) in context.entries.items()}))
    return run_id_of({**context.stated, "models": models})


def _awaited(context: DayContext) -> list[str]:
    """The steps that are left of this run."""
    record = read_record(context.home, context.as_of)
    return [name for name in STEPS if name not in record.done] if record and record.run_id == context.run_id else []


def _live(home: Path, use_cases: Mapping[str, UseCase]) -> dict[str, Live]:
    """The releases of those that are in service, each of which gives its golden rows back, with segmentations."""
    released = set(released_use_cases(home))
    names = [name for name in use_cases if name in released] or list(use_cases)  # none: the first says why
    return open_live(home, names, threads=1)


def _named(run_file: RunFile, use_cases: Mapping[str, UseCase]) -> list[tuple[str, DailyUseCase]]:
    return list(zip(use_cases, run_file.use_case, strict=True))


def _day_before(home: Path, as_of: datetime) -> Day | None:
    earlier = [day for day in days_of(home) if day.manifest.as_of < as_of]
    return earlier[-1] if earlier else None


def _stated(
    home: Path,
    entries: Entries,
    live: Mapping[str, Live],
    policy: Policy,
    before: Day | None,
    as_of: datetime,
) -> Stated:
    """What the id of a run is made of: another whenever the day could come out otherwise."""
    objectors = objectors_of(home)
    return {
        "as_of": as_of.isoformat(),
        "sources": {name: [input_digest(use_case), config_digest(use_case)] for name, (_, use_case) in entries.items()},
        "rows": {name: digest_of(entry.rows) for name, (entry, _) in entries.items() if entry.rows},
        "code": code_digest(),
        "models": _models_of(live),
        "policy": hashlib.sha256(canonical_json(policy.to_json())).hexdigest(),  # the default one keeps its name
        "before": before.manifest.run_id if before else None,
        "objectors": objectors.digest() if objectors else None,
    }


def _models_of(live: Mapping[str, Live]) -> dict[str, str]:
    return {name: served.release.facts.manifest_sha256 for name, served in live.items()} | discovered_digests(live)
