"""One training from the use case to the release store, stage by stage."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from features.build.log_table import learning_table
from features.config.use_case import TableUseCase, UseCase
from features.errors import UseCaseError
from features.sources.quarantine import write_quarantine
from features.spec.suppression_list import objectors_of
from scoring.audiences.audience import read_contacts
from scoring.audiences.contacts import named_contacts
from scoring.audiences.snapshot import AudienceError
from scoring.bundle.uplift_part import TreatedRows
from scoring.releases.current_pointer import names_segmentation
from scoring.storage.table_files import BatchError
from training.bundling.build import build
from training.data.population import current
from training.data.split import Parts, split
from training.data.text_words import with_text_marks
from training.progress import Progress
from training.promotion.champion import champion_of
from training.promotion.promote import decide, settle, unchanged
from training.promotion.sync import home_lock
from training.registry.lines import TrainingLine, UntimedLine
from training.registry.mlflow_registry import Registry
from training.report.comparisons import compare_models
from training.report.html import report_html
from training.report.run_record import draft, kept, pictures, report_line
from training.selection.seasonality import with_season
from training.selection.winner import choose_for, fit, measured
from training.task import Mode, Task
from training.uplift.campaign_rows import of_campaign
from training.uplift.learned_uplift import learn_campaign
from training.uplift.treated_rows import PastCampaigns, past_campaigns, without_treated
from training.value.learned_value import learn_value

FEW_CONTACTS = 0.2  # share of the customers among the contacts below which ids are doubted
SEASON = {
    "none": "a table has no cutoffs, so none can be tried",
    "short": "the log is too short to try rows of a year earlier",
    "single": "one training cutoff cannot judge rows of a year earlier",
    "unfit": "no candidate could be fitted to rows of a year earlier",
    "included": "the training cutoffs reach back a year",
    "tried": "rows of a year earlier were tried",
}


def train(use_case: UseCase, *, home: Path, registry: Registry, mode: Mode) -> TrainingLine:
    """Trains, registers and perhaps promotes one use case; returns its line of the training report.

    Raises:
        UseCaseError: The use case asks for what its data cannot give.
        DataError: The data broke its contract.
        NothingLearned: No feature tells the outcome.
    """
    if names_segmentation(home, use_case.name):
        taken = f"name must be one of its own, got {use_case.name}, which is that of discovered groups"
        raise UseCaseError(use_case.file, [taken])
    # one thread for BLAS: sums split over another number of threads may differ in their last bits
    with (
        closing(Progress(use_case.name)) as progress,
        home_lock(home),
        threadpool_limits(1, user_api="blas"),
        tempfile.TemporaryDirectory() as scratch,
    ):
        with progress.stage("read") as notes:
            objectors = objectors_of(home)
            task = Task(use_case, learning_table(use_case, objectors=objectors), home, registry, mode, objectors)
            notes.append(f"{task.table.rows.height:,} rows, {len(task.table.features)} features")
            notes.extend([*_set_aside(task), *_unmatched_contacts(task)])
            task = of_campaign(task)
            past = past_campaigns(task)
            if past is not None:
                task = replace(task, table=replace(task.table, digest=past.digest(task)))
        known = registry.by_key(task.name, task.key())
        if known is not None:
            line = unchanged(task, known)
        else:
            with progress.stage("split") as notes:
                task = _with_texts(task)
                parts = split(task.table, seed=task.seed)
                notes.append(", ".join(f"{part} {rows:,}" for part, rows in parts.counts().items() if part != "train"))
            task = task.parted()
            line = _train(task, parts, past, Path(scratch), progress)
    return {**line, "seconds": {stage: round(spent, 1) for stage, spent in progress.seconds.items()}}


def _with_texts(task: Task) -> Task:
    """The same with the words of free texts that tell the outcome as features, where the use case names texts."""
    texts = task.use_case.texts
    return task if texts is None else replace(task, table=with_text_marks(task.table, texts.columns, seed=task.seed))


def _set_aside(task: Task) -> list[str]:
    """Writes where the bad rows stand, and the rule each broke, to HOME/quarantine; no cell of them: a home forgets.

    Gives notes for the progress: how many of each source, and the file.
    """
    bad = {source: rows.locations() for source, rows in task.table.bad.items()}
    write_quarantine(task.home / "quarantine", task.name, bad)
    return [
        f"{rows.total:,} of {rows.read:,} rows of the {source} left out, see quarantine/{task.name}-{source}.parquet"
        for source, rows in bad.items()
        if rows.total
    ]


def _unmatched_contacts(task: Task) -> list[str]:
    """What the note says where hardly a customer is among the home's contacts: ids are likely written in other ways."""
    file, use_case = named_contacts(task.home), task.use_case
    if file is None or (isinstance(use_case, TableUseCase) and use_case.table.customer_id is None):
        return []
    try:
        contacts = read_contacts(file.path, email=file.email, consent=file.consent, channel=file.channel).consent
    except (AudienceError, BatchError, OSError):
        return ["the contacts cannot be read"]
    customers = set(task.table.rows["__customer_id"])
    found = len(customers & contacts.keys())
    if found >= FEW_CONTACTS * len(customers):
        return []
    return [f"{found:,} of {len(customers):,} customers are among the contacts: are ids written alike there?"]


def _treated_note(found: TreatedRows) -> str:
    """What campaigns may have changed, and what was done about it."""
    rows = f"{found.learning:,} rows to learn from and {found.test:,} test rows were treated by campaigns"
    return f"{rows}: learned from {found.learned}, judged by {found.judged}"


def _train(task: Task, parts: Parts, past: PastCampaigns | None, scratch: Path, progress: Progress) -> UntimedLine:
    with progress.stage("choose") as notes:
        campaign = learn_campaign(task, parts)
        choice = choose_for(task, parts) if campaign is None else campaign.choice
        parts = parts if campaign is None else campaign.treated
        others = [kind for kind in choice.losses if kind != choice.kind]
        notes.append(f"{choice.kind}, {'before ' + ', '.join(others) if others else 'the only candidate'}")
    with progress.stage("season") as notes:
        parts, choice, season = with_season(task, parts, choice)
        notes.append(f"{SEASON[season.asked]}{', and learned from' * season.used}")
    with progress.stage("fit") as notes:
        treated = None
        if past is not None:
            parts, treated = without_treated(task, parts, choice, past)
            choice = replace(choice, calibrations={})  # which were of all rows
            notes.append(_treated_note(treated))
        learned = fit(task, parts, choice)
    with progress.stage("measure") as notes:
        evidence = measured(task, parts, learned)
        notes.append(evidence.verdict(choice.kind))
    with progress.stage("build") as notes:
        value = learn_value(task, learned.taught)
        notes.extend([value.note] if value else [])
        stored = value.stored if value else None
        population = current(task.use_case, task.table, parts.test, task.objectors)
        control = campaign.control_model(task, learned.taught) if campaign else None
        built = build(scratch / "bundle", task, parts, learned, evidence, population, control, treated, stored)
        notes.append(f"reasons add up within {built.bundle.manifest.receipt.largest_sum_difference:.1e}")
    with progress.stage("compare") as notes:
        champion = champion_of(task, parts)
        gain = campaign.over_champion(built.bundle, champion.bundle, seed=task.seed) if campaign and champion else None
        decision = decide(task, built.bundle, parts, champion, served=built.probability, uplift_gain=gain)
        notes.append(decision.reason)
    with progress.stage("report"):
        shown = compare_models(task, parts, learned, built, champion, season)
        line, plots = report_line(built, shown.opens, value), pictures(learned, built, shown.raw)
        report = report_html(task, learned, built, evidence, decision, plots, shown, line)
    with progress.stage("register") as notes:
        version = task.registry.register(draft(task, learned, built, line, report, kept(plots, shown)))
        notes.append(f"version {version.number}")
    with progress.stage("promote") as notes:
        settled = settle(task, version, built.bundle, population, decision)
        notes.append(settled["release"] or "no: nothing changes in service")
    return {**line, **settled}
