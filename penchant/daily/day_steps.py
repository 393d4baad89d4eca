"""The steps of a day, in their order; each says what it needs that another makes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from features.spec.atomic import write_file
from features.tables.population_schema import check_population
from penchant.daily.campaign_steps import settle_campaigns_of, sync_destinations
from penchant.daily.day_features import CustomerFiles, Entries, StepFailedError, alike
from penchant.daily.monitoring_steps import look_at_health, settle_outcomes
from penchant.daily.retraining import train_anew
from penchant.daily.run_file import RunFile
from penchant.daily.run_record import Stated, features_id_of
from penchant.daily.run_state import STEP_NAMES, RunStep
from penchant.retention.obey import obey
from scoring.answers.served_release import Live
from scoring.audiences.membership import SnapshotCounts
from scoring.audiences.segment_report import report_by_part
from scoring.audiences.sizes import keep_report, keep_sizes, snapshot_document
from scoring.audiences.snapshot import SegmentSnapshot, SnapshotInputs
from scoring.audiences.stands import count_stands
from scoring.population.day_index import codes_of
from scoring.population.days import PARTS, POPULATION, WORK, Day, day_folder, digest_of, open_day
from scoring.population.forget import forget_objectors, forget_old, settle_indexes
from scoring.population.write_day import DayInputs, part_of_day, write_day
from scoring.privacy.audit_trail import command_actor
from scoring.privacy.retention_file import read_retention
from scoring.privacy.suppression import open_suppression
from scoring.segments.policy import Policy

MADE_FOR = "run"  # in the folder of what steps hand on: what its features are of
_NUMBERS = [range(first, first + 4) for first in range(0, PARTS, 4)]  # of parts that are compared at once


class StepInputsError(ValueError):
    """A step was asked for alone, and what it needs is not there."""

    def __init__(self, step: str, before: str) -> None:
        super().__init__(f"The step {step} needs what the step {before} makes of the same inputs: run that one first.")


@dataclass(frozen=True, slots=True)
class DayContext:
    """What the steps of one day work on."""

    home: Path
    run_id: str
    as_of: datetime
    run_file: RunFile
    entries: Entries
    live: Mapping[str, Live]
    policy: Policy
    before: Day | None
    stated: Stated  # what the id is made of
    counted: list[SnapshotCounts] = field(default_factory=list)  # what the population step counted, where it ran now

    @property
    def work(self) -> Path:
        """The folder of what steps hand on to one another."""
        return self.home / POPULATION / WORK

    @property
    def has_features(self) -> bool:
        """Whether the step `features` left what this day is made from."""
        made_for = self.work / MADE_FOR
        return made_for.exists() and made_for.read_text() == features_id_of(self.stated)

    def day(self, step: str) -> Day:
        """The day of this run.

        Raises:
            StepInputsError: It is not there.
        """
        folder = day_folder(self.home, self.as_of)
        if not folder.is_dir() or (day := open_day(folder)).manifest.run_id != self.run_id:
            raise StepInputsError(step, "population")
        return day


def features(context: DayContext, step: RunStep) -> None:
    """All customers with the features of every use case."""
    context.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    made_for = context.work / MADE_FOR
    made_for.unlink(missing_ok=True)
    files = CustomerFiles(context.entries, context.work)
    files.write(context.as_of, context.home)
    step.rows, step.digest = files.count(), _digest(files.paths)
    write_file(made_for, features_id_of(context.stated).encode())


def population(context: DayContext, step: RunStep) -> None:
    """The day: scores, reasons and segments of all customers, in service from its end on.

    Asked for again where the day of this run is there, and what it was made from is gone, it has nothing to do.
    """
    made_for, home = context.work / MADE_FOR, context.home
    if not context.has_features:
        made = _made_already(context)
        step.status, step.rows = "unchanged", made.manifest.customers
        step.digest = digest_of(made.folder / "manifest.json")
        return
    groups = CustomerFiles(context.entries, context.work).groups()
    inputs = SnapshotInputs(
        context.live, context.policy, context.work, context.as_of.date(), suppression=open_suppression(home)
    )
    day = DayInputs(context.run_id, context.as_of, inputs, groups, alike(context.entries), context.before)
    counts = write_day(home, day, check=lambda parts: check_population(parts, list(context.live)))
    context.counted.append(counts)
    step.rows, step.digest = counts.customers, digest_of(context.day("population").folder / "manifest.json")
    made_for.unlink()  # a half-removed folder is not taken for a whole one
    shutil.rmtree(context.work)


def store(context: DayContext, step: RunStep) -> None:
    """The online store as of the day, by the command that loads it; a set of columns is loaded once."""
    day, loaded = context.day("store"), dict[frozenset[str], str]()
    for name, served in context.live.items():
        loaded.setdefault(frozenset(served.scorer.encoder.names), name)
    context.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in loaded.values():
        rows = _load(context, _linked_features(day, name, context.work))
        step.rows = max(step.rows or 0, rows)
    shutil.rmtree(context.work)


def flows(context: DayContext, step: RunStep) -> None:
    """Sizes of segments and who moved since the day before, for the pages."""
    day, before, tally = context.day("flows"), context.before, SnapshotCounts()
    if before is None:
        for numbers in () if context.counted else _NUMBERS:
            count_stands(tally, None, part_of_day(day, numbers, stands_alone=True).rows, context.as_of.date())
    else:
        report = report_by_part(_counted(before, day, tally, context))
        keep_report(context.home, report)
        step.note = f"{report['moved']:,} moved since {report['before']['as_of']}"
    [tally] = context.counted or [tally]
    document = snapshot_document(context.policy, context.live, context.as_of.date(), tally, compared=before is not None)
    keep_sizes(context.home, document, day.folder)


def retention(context: DayContext, step: RunStep) -> None:
    """Who objected meanwhile leaves the day, and what is old goes."""
    forget_objectors(context.home, context.day("retention"))
    use_cases = [use_case for _, use_case in context.entries.values()]
    windows = [use_case.window for use_case in use_cases if use_case.source == "log"]
    matured = timedelta(days=max((window.gap + window.prediction for window in windows), default=0))
    kept = context.run_file.population
    changed = forget_old(
        context.home, context.as_of.date(), keep=timedelta(days=kept.keep), matured=matured, months=kept.months
    )
    obeyed = obey(context.home, read_retention(context.home), datetime.now(UTC), command_actor(), as_of=context.as_of)
    step.note = f"{changed} old days, {obeyed.text}"
    settle_indexes(context.home, codes_of(context.live))


def outcomes(context: DayContext, step: RunStep) -> None:
    """What became of the customers of this day and of those before, as far as it is known by now."""
    day = context.day("outcomes")
    use_cases = [use_case for _, use_case in context.entries.values()]
    step.rows, step.note = settle_outcomes(context.home, use_cases, [day], context.as_of)


def monitor(context: DayContext, step: RunStep) -> None:
    """Whether the scores are to be trusted, and why."""
    use_cases = [use_case for _, use_case in context.entries.values()]
    step.digest, step.note = look_at_health(context.home, use_cases, context.day("monitor"))


def campaigns(context: DayContext, step: RunStep) -> None:
    """What lists with a hold-out brought, where their window has ended."""
    use_cases = {name: use_case for name, (_, use_case) in context.entries.items()}
    step.note = settle_campaigns_of(context.home, use_cases, context.as_of)


def activate(context: DayContext, step: RunStep) -> None:
    """What left the audiences of destinations, and who came: the tools that send are brought up to the day."""
    context.day("activate")
    if not context.run_file.deliver.destinations:
        return
    done = sync_destinations(context.home, context.run_file.deliver.destinations)
    step.rows, step.note = done.acknowledged, "; ".join(done.notes)
    step.status = "stopped" if done.stopped else step.status


def retrain(context: DayContext, step: RunStep) -> None:
    """Trains what the rules of the file ask for; what the gate promotes scores the next day."""
    context.day("retrain")
    use_cases = {name: use_case for name, (_, use_case) in context.entries.items()}
    step.note = train_anew(context.home, use_cases, context.run_file.retrain.when)


_ALL = (features, population, store, flows, outcomes, monitor, campaigns, activate, retention, retrain)
STEPS: Mapping[str, Callable[[DayContext, RunStep], None]] = {
    step.__name__: step for step in _ALL if step.__name__ in STEP_NAMES
}


def _made_already(context: DayContext) -> Day:
    """The day that this run made; raises StepInputsError, which names the step before, where it did not."""
    try:
        return context.day("population")
    except StepInputsError:
        raise StepInputsError("population", "features") from None


def _linked_features(day: Day, name: str, work: Path) -> Path:
    """A folder of the features of one use case's customers and of nothing else."""
    folder = work / f"store-{name}"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir()
    for part in sorted(one for one in day.manifest.files if one.startswith(f"features-{name}-")):
        if path := day.file(part):
            (folder / part).hardlink_to(path)
    return folder


def _load(context: DayContext, features: Path) -> int:
    command = [sys.executable, "-m", "serving", "load", str(features), "--as-of", context.as_of.isoformat()]
    done = subprocess.run([*command, "--home", str(context.home), "--json"], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise StepFailedError(done.returncode)
    return int(json.loads(done.stdout)["customers"])


def _counted(
    before: Day, day: Day, tally: SnapshotCounts, context: DayContext
) -> Iterator[tuple[SegmentSnapshot, SegmentSnapshot]]:
    """Some customers on both days at a time, who are counted as they pass."""
    for numbers in _NUMBERS:
        was, now = (part_of_day(one, numbers) for one in (before, day))
        if not context.counted:
            count_stands(tally, was.rows, now.rows, context.as_of.date())
        yield was, now


def _digest(files: list[Path]) -> str:
    return hashlib.sha256("".join(map(digest_of, files)).encode()).hexdigest()
