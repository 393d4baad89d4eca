"""A use case in, a checked feature table out: to learn from, or to score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import polars as pl

from features.build.ready_table import read_ready_table
from features.columns.column_report import column_report
from features.columns.expressions import md5_lower
from features.columns.type_inference import Read
from features.config.use_case import UseCase
from features.errors import DataError, UseCaseError
from features.history.event_log import Log
from features.leakage.detectors import leak_findings
from features.leakage.perturbation import sees_the_future
from features.point_in_time.definitions import log_features
from features.point_in_time.labels import LABEL, Cutoffs, eligibility, labels
from features.point_in_time.log_context import Ground, prepare
from features.quality.coherence import incoherences
from features.sources.engine import engine
from features.sources.quarantine import write_quarantine
from features.sources.rejected_rows import BadRows
from features.spec.feature import CUSTOMER_ID, ELIGIBLE, Feature, Finding, Note
from features.tables.digests import input_digest
from features.tables.learning_table import CUTOFF, GROUP, ID, ORDER, LearningTable, called, check_names, class_shortage
from features.tables.schema import check_table

__all__ = ["LearningTable", "learning_table", "rows_at", "scoring_table"]


def learning_table(use_case: UseCase, *, quarantine: Path | None = None) -> LearningTable:
    """The table a use case learns from; bad rows are also written to the folder `quarantine`, where one is given.

    Raises:
        DataError: the data broke its contract.
        UseCaseError: the use case names a column that is not there.
    """
    if use_case.table is not None:
        table = read_ready_table(use_case)
        write_quarantine(quarantine, use_case.name, table.bad)
        return replace(table, findings=(*table.findings, *leak_findings(table, use_case.accepted_leaks)))
    with engine() as backend:
        ground = prepare(backend, use_case, None)
        bad = _bad(ground)
        write_quarantine(quarantine, use_case.name, bad)
        features = called(log_features(ground.layout), use_case)
        check_names(use_case, [name for each in features for name in (each.name, each.subject or "")])
        parts = {moment: _eligible_at(ground, moment) for moment in (*ground.cutoffs.train, ground.cutoffs.test)}
        latest = ground.cutoffs.train[-1]
        doubts = sees_the_future(backend, ground, latest, parts[latest].select(ID, *(each.name for each in features)))
        odds = incoherences(ground.log, ground.profiles)
    cutoffs, notes = _with_both_classes(ground, parts)
    rows = pl.concat([parts[moment] for moment in (*cutoffs.train, cutoffs.test)])
    check_table(rows, features, ground.log.source.path)
    undated = (*_misdated(ground.log), *(() if ground.profiles is None else ground.profiles.findings))
    report = _report(ground, cutoffs, [*notes, *odds], rows, features)
    table = LearningTable(
        rows, features, eligibility(use_case), cutoffs, report, input_digest(use_case), undated, ground.layout, bad
    )
    return replace(table, findings=(*doubts, *undated, *leak_findings(table, use_case.accepted_leaks)))


def scoring_table(use_case: UseCase, cutoff: datetime, *, quarantine: Path | None = None) -> pl.DataFrame:
    """Customers with any event before the cutoff, by id: customer_id, the model's features, `eligible` last.

    The features are those of the model as long as the cutoff is not earlier than its training cutoffs; earlier, the
    levels counted are those of the events before the cutoff.

    Raises:
        UseCaseError: the use case is on a ready table, which is scored as it is.
        DataError: the data broke its contract.
    """
    if use_case.events is None:
        raise UseCaseError(use_case.file, ["[events] must be given to build features; a table is scored as it is"])
    with engine() as backend:
        ground = prepare(backend, use_case, cutoff)
        write_quarantine(quarantine, use_case.name, _bad(ground))
        table = ground.at(cutoff)
    features, eligible = log_features(ground.layout), eligibility(use_case)
    check_table(table, features, ground.log.source.path)
    allowed = pl.lit(True) if eligible is None else (pl.col(eligible.feature) <= eligible.value).fill_null(False)
    return table.with_columns(allowed.alias(ELIGIBLE))


def rows_at(use_case: UseCase, moments: Sequence[datetime]) -> pl.DataFrame:
    """Eligible customers at further cutoffs, with the features and the bookkeeping of the learning table's rows.

    Each moment's outcome window must end inside the log.
    """
    with engine() as backend:
        ground = prepare(backend, use_case, None)
        return pl.concat([_eligible_at(ground, moment) for moment in moments])


def _bad(ground: Ground) -> dict[str, BadRows]:
    return {"events": ground.log.bad} | ({"profiles": ground.profiles.bad} if ground.profiles else {})


def _eligible_at(ground: Ground, cutoff: datetime) -> pl.DataFrame:
    """Eligible customers at one cutoff, by id, with label and bookkeeping."""
    eligible = eligibility(ground.use_case)

    def grouped(table: ir.Table) -> ir.Table:
        there = table if eligible is None else table.filter(table[eligible.feature] <= eligible.value)
        return there.mutate(**{GROUP: md5_lower(there[CUSTOMER_ID])})

    rows = ground.at(cutoff, grouped)
    names = [feature.name for feature in log_features(ground.layout)]
    return rows.select(
        pl.col(CUSTOMER_ID).alias(ID),
        pl.lit(cutoff).cast(pl.Datetime("us", "UTC")).alias(CUTOFF),
        pl.lit(None, pl.Float64).alias(ORDER),
        *names,
        labels(rows[CUSTOMER_ID], ground.log.named, ground.use_case, cutoff),
        pl.col(GROUP).cast(pl.UInt64),
    )


def _with_both_classes(ground: Ground, parts: dict[datetime, pl.DataFrame]) -> tuple[Cutoffs, list[Note]]:
    """The training cutoffs that have both classes, and what there is to say.

    Raises:
        DataError: nobody is eligible, or a part has fewer than 20 customers of a class.
    """
    cutoffs, notes = ground.cutoffs, list(ground.notes)
    train = tuple(moment for moment in cutoffs.train if parts[moment][LABEL].n_unique() == 2)
    if len(train) < len(cutoffs.train):
        detail = f"{len(train)} of {len(cutoffs.train)} training cutoffs have both classes"
        notes.append(Note("both_classes", detail, {"kept": len(train), "asked": len(cutoffs.train)}))
    broken = []
    for name, moments in (("training part", cutoffs.train), ("test part", (cutoffs.test,))):
        rows = pl.concat([parts[moment][LABEL] for moment in moments])
        broken += class_shortage(rows, name, _label_words(ground.use_case), _eligible_words(ground.use_case))
    if broken:
        raise DataError(ground.log.source.path, [*broken, *(note.detail for note in ground.log.dating.notes)])
    return replace(cutoffs, train=train), notes


def _misdated(log: Log) -> tuple[Finding, ...]:
    """A doubt about the tenure of customers whose first event lies long before all others."""
    if not log.dating.early:
        return ()
    detail = f"{log.dating.early:,} events lie long before all others, before {log.dating.start:%Y-%m-%d}."
    figures = {"events": log.dating.early, "start": f"{log.dating.start:%Y-%m-%d}"}
    return (Finding("early_timestamp", "tenure_days", "warn", detail, figures),)


def _label_words(use_case: UseCase) -> str:
    label = use_case.label
    return f"event {label.event!r} {label.outcome} in the prediction window" if label else ""


def _eligible_words(use_case: UseCase) -> str:
    """Who is eligible: customers with what event."""
    if use_case.label is None or eligibility(use_case) is None or use_case.eligible is None:
        return "with any event before the cutoff"
    return f"with event {use_case.label.event!r} in the {use_case.eligible.active_within} days before the cutoff"


def _report(
    ground: Ground, cutoffs: Cutoffs, notes: list[Note], rows: pl.DataFrame, features: tuple[Feature, ...]
) -> dict[str, Any]:
    columns = [
        column_report(each.name, "feature", rows[each.name].dtype, Read(rows[each.name], each)) for each in features
    ]
    per_cutoff = rows.group_by(CUTOFF).agg(pl.len().alias("rows"), pl.col(LABEL).mean().alias("rate")).sort(CUTOFF)
    log, profiles = ground.log, ground.profiles
    return {
        "source": "log",
        "rows": log.rows,
        "rows_used": len(rows),
        "first_event": log.first.isoformat(),
        "last_event": log.last.isoformat(),
        "event_types": list(ground.layout.types),
        "duplicates_removed": log.duplicates,
        "bad_rows": log.bad.to_json(),
        "cutoffs": cutoffs.to_json(),
        "eligible": [
            {"cutoff": moment.isoformat(), "customers": n, "base_rate": rate} for moment, n, rate in per_cutoff.rows()
        ],
        "notes": [note.to_json() for note in (*log.dating.notes, *notes)],
        "columns": columns,
        "profiles": None
        if profiles is None
        else {"bad_rows": profiles.bad.to_json(), "columns": list(profiles.columns)},
    }
