"""One day from sources to the population: features, scores with reasons and segments, store, flows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from features.config.use_case import UseCase
from features.spec.suppression_list import objectors_of
from features.tables.digests import code_digest, config_digest, input_digest
from penchant.daily.day_features import Entries
from penchant.daily.day_steps import STEPS, UNFINISHED, DayContext, StepInputsError
from penchant.daily.ingest_step import bring_up_to_date
from penchant.daily.run_file import DailyUseCase, RunFile
from penchant.daily.run_state import INGEST, RunState
from scoring.answers.served_release import Live, discovered_digests, open_live
from scoring.bundle.bundle import canonical_json
from scoring.population.day_index import codes_of
from scoring.population.days import POPULATION, Day, days_of, digest_of, only_writer
from scoring.population.forget import settle_indexes
from scoring.privacy.marks_of_trail import mark_by_trail
from scoring.privacy.retention_file import read_retention
from scoring.releases.current_pointer import released_use_cases
from scoring.segments.assignment import current_policy
from scoring.segments.policy import Policy


def run_day(
    home: Path, run_file: RunFile, use_cases: Mapping[str, UseCase], as_of: datetime, *, only: str | None = None
) -> RunState:
    """Runs a day and returns what was done; the same inputs as last time do nothing again.

    A run that was killed leaves the days that were there in service, and is done anew by the same command; where its
    day is there already, with the steps that follow it.

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
    with only_writer(home):
        state = RunState("", as_of.isoformat())
        try:
            read_retention(home)  # broken rules are named before anything is done
            mark_by_trail(home)  # whose erasure a backup has undone is in no day
            if only in (None, INGEST):
                use_cases = bring_up_to_date(home, use_cases, state)
            context = day_context(home, run_file, use_cases, as_of)
        except Exception:
            state.fail(home)
            raise
        state.run_id = context.run_id
        steps = _to_do(context) if only is None else [name for name in STEPS if name == only]
        for name in steps:
            with state.step(home, name) as step:
                STEPS[name](context, step)
        if not steps:
            settle_indexes(home, codes_of(context.live))  # of a day that earlier code made
        state.status = "done" if steps or only else "unchanged"
        state.keep(home)
        return state


def day_context(home: Path, run_file: RunFile, use_cases: Mapping[str, UseCase], as_of: datetime) -> DayContext:
    """What a day would be made of, with the id of the run; raises as `run_day`."""
    live = _live(home, use_cases)
    entries = {name: (entry, use_cases[name]) for name, entry in _named(run_file, use_cases) if name in live}
    policy, before = current_policy(home), _day_before(home, as_of)
    run_id = _run_id(home, entries, live, policy, before, as_of)
    return DayContext(home, run_id, as_of, run_file, entries, live, policy, before)


def _to_do(context: DayContext) -> list[str]:
    """All steps, those that follow a day that is there where they are not done, or none."""
    try:
        context.day("store")
    except StepInputsError:
        return list(STEPS)
    unfinished = context.home / POPULATION / UNFINISHED
    if not unfinished.exists() or unfinished.read_text() != context.run_id:
        return []
    return list(STEPS)[list(STEPS).index("store") :]


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
    models = {name: served.release.facts.manifest_sha256 for name, served in live.items()}
    stated = {
        "as_of": as_of.isoformat(),
        "sources": {name: [input_digest(use_case), config_digest(use_case)] for name, (_, use_case) in entries.items()},
        "rows": {name: digest_of(entry.rows) for name, (entry, _) in entries.items() if entry.rows},
        "code": code_digest(),
        "models": models | discovered_digests(live),
        "policy": hashlib.sha256(canonical_json(policy.to_json())).hexdigest(),  # the default one keeps its name
        "before": before.manifest.run_id if before else None,
        "objectors": objectors.digest() if objectors else None,
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:16]
