"""A use case in, a checked feature table out: to learn from, or to score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import ibis.expr.types as ir
import polars as pl

from features.build.ready_table import read_ready_table
from features.columns.column_report import column_report
from features.columns.expressions import md5_lower
from features.columns.type_inference import InferredColumn
from features.config.use_case import LogUseCase, UseCase
from features.errors import DataError, UseCaseError
from features.history.event_log import Log
from features.history.log_span import LogSpan
from features.history.orders import merge_orders
from features.leakage.detectors import leak_findings
from features.leakage.perturbation import sees_the_future
from features.point_in_time.customer_sample import customer_sample
from features.point_in_time.declared_counts import empty_counts
from features.point_in_time.definitions import log_features
from features.point_in_time.fitted_engagement import weights_note
from features.point_in_time.labels import LABEL, Cutoffs, eligibility, labels
from features.point_in_time.log_context import LogContext, open_log_context
from features.quality.coherence import incoherences, profile_findings
from features.quality.enrichment_checks import enrichment_findings, enrichment_reports
from features.quality.log_coverage import early_ends, log_findings, log_reports
from features.sources.engine import engine
from features.sources.engines.open_engine import feature_engine
from features.sources.quarantine import write_quarantine
from features.sources.rejected_rows import BadRows
from features.spec.data_report import DataReport
from features.spec.feature import CUSTOMER_ID, ELIGIBLE, DataNote, Feature, Finding, Scalar
from features.spec.suppression_list import Objectors
from features.tables.digests import input_digest
from features.tables.filled import filled_in_part
from features.tables.learning_table import (
    CUTOFF,
    GROUP,
    ID,
    ORDER,
    LearningTable,
    as_stated,
    check_names,
    class_shortage,
    digest_without,
    objection_notes,
)
from features.tables.schema import check_table
from features.tables.value_labels import label_findings

__all__ = ["LearningTable", "learning_table", "rows_at", "rows_at_cutoffs", "scoring_parts", "scoring_table"]


def learning_table(
    use_case: UseCase, *, quarantine: Path | None = None, objectors: Objectors | None = None
) -> LearningTable:
    """The table a use case learns from; bad rows are also written to the folder `quarantine`, where one is given.

    `objectors` are left out before anything is counted, and the report says how many of them stood in the source.

    Raises:
        DataError: the data broke its contract.
        UseCaseError: the use case names a column that is not there.
        EngineError: the engine that computes features fails.
    """
    if not isinstance(use_case, LogUseCase):
        table = read_ready_table(use_case, objectors)
        write_quarantine(quarantine, use_case.name, table.bad)
        filled = filled_in_part(table.rows, table.features)
        return replace(table, findings=(*table.findings, *filled, *leak_findings(table, use_case.accepted_leaks)))
    with engine() as backend, feature_engine(backend, use_case.engine) as computing:
        context = open_log_context(backend, use_case, None, objectors, computing)
        bad = _bad(context)
        write_quarantine(quarantine, use_case.name, bad)
        features = as_stated(log_features(context.plan), use_case)
        names = [name for each in features for name in (each.name, each.subject or "")]
        telling = [one.column for one in use_case.sensitive]
        columns = [*names, *telling, *_columns(context)]
        check_names(use_case, [*names, *telling], columns, [*columns, *_acceptable(use_case, context)])
        moments, sample = (*context.cutoffs.train, context.cutoffs.test), customer_sample(context)
        parts = dict(zip(moments, _eligible_at(context, moments), strict=True))
        latest = context.cutoffs.train[-1]
        leaks = sees_the_future(
            backend, context, latest, parts[latest].select(ID, *(each.name for each in features), *context.plan.texts)
        )
        incoherent = incoherences(context.log, context.profiles)
        unmatched = profile_findings(context.log, context.profiles)
        reports = log_reports(context.log, use_case.log_names)
    cutoffs, notes = _with_both_classes(context, parts)
    rows = pl.concat([parts[moment] for moment in (*cutoffs.train, cutoffs.test)])
    check_table(rows, features, context.log.source.path)
    reach = (*log_findings(context.log, reports, cutoffs), *enrichment_findings(context.profiles, cutoffs))
    undated = (
        *(*reach, *unmatched, *_misdated(context.log)),
        *(() if context.profiles is None else context.profiles.findings),
    )
    report = _report(context, cutoffs, [*notes, *incoherent], rows, features)
    if reports:
        report["logs"] = reports
    if outside := enrichment_reports(context.profiles, cutoffs):
        report["enrichments"] = outside
    sensitive = _sensitive(context)
    if sensitive:
        report["sensitive"] = [finding.to_json() for finding in sensitive]
    digest = sample.digest(digest_without(input_digest(use_case), objectors, context.log.barred))
    table = LearningTable(rows, features, eligibility(use_case), cutoffs, report, digest, undated, context.plan, bad)
    found = (*filled_in_part(rows, features), *empty_counts(context.plan.counts, rows))
    doubtful = leak_findings(table, use_case.accepted_leaks)
    labelled = label_findings(use_case, features)
    return replace(
        table, findings=(*leaks, *undated, *sensitive, *found, *labelled, *doubtful, *sample.findings(len(rows)))
    )


def scoring_table(
    use_case: UseCase, cutoff: datetime, *, quarantine: Path | None = None, objectors: Objectors | None = None
) -> pl.DataFrame:
    """The table that `scoring_parts` gives in parts; raises as that."""
    return pl.concat(scoring_parts(use_case, cutoff, quarantine=quarantine, objectors=objectors))


def scoring_parts(
    use_case: UseCase,
    cutoff: datetime,
    *,
    quarantine: Path | None = None,
    objectors: Objectors | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Iterator[pl.DataFrame]:
    """Customers with any event before the cutoff, by id: customer_id, the model's features, `eligible` last.

    Without `objectors`, whose events and profiles are left out. At least one part, each with later ids than the one
    before. Each log that ends before the cutoff is one to `warn` of, before the first part.

    The features are those of the model as long as the cutoff is not earlier than its training cutoffs; earlier, the
    levels counted are those of the events before the cutoff.

    Raises:
        UseCaseError: the use case is on a ready table, which is scored as it is.
        DataError: the data broke its contract.
        EngineError: the engine that computes features fails.
    """
    if not isinstance(use_case, LogUseCase):
        raise UseCaseError(use_case.file, ["[events] must be given to build features; a table is scored as it is"])
    with engine() as backend, feature_engine(backend, use_case.engine) as computing:
        context = open_log_context(backend, use_case, cutoff, objectors, computing)
        write_quarantine(quarantine, use_case.name, _bad(context))
        for sentence in early_ends(context.log, use_case.log_names, cutoff):
            warn(sentence)
        features, eligible = log_features(context.plan), eligibility(use_case)
        allowed = pl.lit(True) if eligible is None else (pl.col(eligible.feature) <= eligible.value).fill_null(False)
        for table in context.features_in_parts(cutoff):
            check_table(table, features, context.log.source.path)
            yield table.with_columns(allowed.alias(ELIGIBLE))


def rows_at(use_case: LogUseCase, moments: Sequence[datetime], objectors: Objectors | None = None) -> pl.DataFrame:
    """Eligible customers at further cutoffs, with the features and the bookkeeping of the learning table's rows.

    Each moment's outcome window must end inside the log.
    """
    with engine() as backend, feature_engine(backend, use_case.engine) as computing:
        context = open_log_context(backend, use_case, None, objectors, computing)
        return pl.concat(_eligible_at(context, moments))


def rows_at_cutoffs(
    use_case: LogUseCase, objectors: Objectors | None = None
) -> tuple[tuple[Feature, ...], dict[datetime, pl.DataFrame], str]:
    """The features, the eligible customers with them and their label at every cutoff, and the digest of the sources.

    Unlike `learning_table` of whatever classes. The test's cutoff is the last.
    """
    with engine() as backend, feature_engine(backend, use_case.engine) as computing:
        context = open_log_context(backend, use_case, None, objectors, computing)
        moments = (*context.cutoffs.train, context.cutoffs.test)
        parts = dict(zip(moments, _eligible_at(context, moments), strict=True))
        digest = digest_without(input_digest(use_case), objectors, context.log.barred)
        digest = customer_sample(context).digest(digest)
        return as_stated(log_features(context.plan), use_case), parts, digest


def _bad(context: LogContext) -> dict[str, BadRows]:
    names = [f"events-{name}" for name in context.use_case.log_names] if context.log.each else ["events"]
    logs = {name: log.bad for name, log in zip(names, context.log.logs, strict=True)}
    return logs | ({"profiles": context.profiles.bad} if context.profiles else {})


def _columns(context: LogContext) -> list[str]:
    """The columns that a log's features may be of, whether or not they are."""
    profiles = () if context.profiles is None else context.profiles.columns
    return [*context.plan.properties, *(column["name"] for column in profiles)]


def _acceptable(use_case: LogUseCase, context: LogContext) -> Iterator[str]:
    """What a use case may accept beside columns of features: any of the log's, its one type, its own counts."""
    for log in context.log.logs:
        yield from log.source.columns
        if isinstance(log.section.type, str):
            yield log.section.type
    yield from (count.name for count in use_case.counts)


def _eligible_at(context: LogContext, cutoffs: Sequence[datetime]) -> Iterator[pl.DataFrame]:
    """Eligible customers of the sample at each cutoff, by id, with label and bookkeeping."""
    eligible, sample = eligibility(context.use_case), customer_sample(context)

    def grouped(table: ir.Table) -> ir.Table:
        there = table if eligible is None else table.filter(table[eligible.feature] <= eligible.value)
        there = sample.drawn(there)
        return there.mutate(**{GROUP: md5_lower(there[CUSTOMER_ID])})

    names = [*(feature.name for feature in log_features(context.plan)), *context.plan.texts]
    for cutoff, rows in zip(cutoffs, context.features_at_each(cutoffs, grouped), strict=True):
        yield rows.select(
            pl.col(CUSTOMER_ID).alias(ID),
            pl.lit(cutoff).cast(pl.Datetime("us", "UTC")).alias(CUTOFF),
            pl.lit(None, pl.Float64).alias(ORDER),
            *names,
            labels(rows[CUSTOMER_ID], merge_orders(context.log.decoded), context.use_case, cutoff),
            pl.col(GROUP).cast(pl.UInt64),
        )


def _with_both_classes(context: LogContext, parts: dict[datetime, pl.DataFrame]) -> tuple[Cutoffs, list[DataNote]]:
    """The training cutoffs that have both classes, and what there is to note.

    Raises:
        DataError: nobody is eligible, or a part has fewer than 20 customers of a class.
    """
    cutoffs, notes = context.cutoffs, list(context.notes)
    train = tuple(moment for moment in cutoffs.train if parts[moment][LABEL].n_unique() == 2)
    if len(train) < len(cutoffs.train):
        detail = f"{len(train)} of {len(cutoffs.train)} training cutoffs have both classes"
        notes.append(DataNote("both_classes", detail, {"kept": len(train), "asked": len(cutoffs.train)}))
    broken = []
    for name, moments in (("training part", cutoffs.train), ("test part", (cutoffs.test,))):
        rows = pl.concat([parts[moment][LABEL] for moment in moments])
        broken += class_shortage(rows, name, _label_text(context.use_case), _eligible_text(context.use_case))
    if broken:
        raise DataError(context.log.source.path, [*broken, *(note.detail for note in context.log.span.notes)])
    return replace(cutoffs, train=train), notes


def _misdated(log: Log) -> tuple[Finding, ...]:
    """A finding on the tenure of customers whose first event lies long before all others."""
    return tuple(_early(one.span) for one in log.logs if one.span.early)


def _early(span: LogSpan) -> Finding:
    detail = f"{span.early:,} events lie long before all others, before {span.start:%Y-%m-%d}."
    figures: dict[str, Scalar] = {"events": span.early, "start": f"{span.start:%Y-%m-%d}"}
    return Finding("early_timestamp", "tenure_days", "warn", detail, figures)


def _span_notes(context: LogContext) -> Iterator[DataNote]:
    """What there is to note of where each log begins and ends, of several under its name."""
    if not context.log.each:
        yield from context.log.span.notes
    for one, name in zip(context.log.each, context.use_case.log_names, strict=False):
        for note in one.span.notes:
            yield replace(note, detail=f"log {name!r}: {note.detail}", figures={**note.figures, "log": name})


def _untracked_note(log: Log) -> list[DataNote]:
    """What there is to say of opens that nobody consented to have tracked."""
    if not log.untracked:
        return []
    detail = f"{log.untracked:,} opens of mail without consent to tracking are left out"
    return [DataNote("no_tracking_consent", detail, {"rows": log.untracked})]


def _sensitive(context: LogContext) -> tuple[Finding, ...]:
    """A finding on all that may tell something sensitive, by the file, by the events, by the profiles."""
    profiles = () if context.profiles is None else context.profiles.sensitive
    return tuple(one.finding() for one in (*context.use_case.sensitive, *context.plan.sensitive, *profiles))


def _label_text(use_case: LogUseCase) -> str:
    return f"event {use_case.label.event!r} {use_case.label.outcome} in the prediction window"


def _eligible_text(use_case: LogUseCase) -> str:
    """Who is eligible: customers with what event."""
    if use_case.eligible is None or use_case.eligible.active_within is None:
        return "with any event before the cutoff"
    return f"with event {use_case.label.event!r} in the {use_case.eligible.active_within} days before the cutoff"


def _report(
    context: LogContext, cutoffs: Cutoffs, notes: list[DataNote], rows: pl.DataFrame, features: tuple[Feature, ...]
) -> DataReport:
    columns = [
        column_report(each.name, "feature", rows[each.name].dtype, InferredColumn(rows[each.name], each))
        for each in features
    ]
    per_cutoff = rows.group_by(CUTOFF).agg(pl.len().alias("rows"), pl.col(LABEL).mean().alias("rate")).sort(CUTOFF)
    log, profiles = context.log, context.profiles
    return {
        "source": "log",
        "rows": log.rows,
        "rows_used": len(rows),
        "first_event": log.first.isoformat(),
        "last_event": log.last.isoformat(),
        "event_types": list(context.plan.types),
        "duplicates_removed": log.duplicates,
        "bad_rows": log.bad.to_json(),
        "cutoffs": cutoffs.to_json(),
        "eligible": [
            {"cutoff": moment.isoformat(), "customers": n, "base_rate": rate} for moment, n, rate in per_cutoff.rows()
        ],
        "notes": [
            note.to_json()
            for note in (
                *objection_notes(len(log.barred), log.barred_rows),
                *_untracked_note(log),
                *_span_notes(context),
                *([weights_note(context.plan.engagement)] if context.use_case.fit_engagement else []),
                *(() if context.plan.reactivity is None else (context.plan.reactivity.note,)),
                *notes,
            )
        ],
        "columns": columns,
        "profiles": None
        if profiles is None
        else {"bad_rows": profiles.bad.to_json(), "columns": list(profiles.columns)},
    }
