"""A use case in, a checked feature table out: to learn from, or to score."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import ibis
import polars as pl

from features.cells import md5_lower
from features.engine import engine, frame
from features.errors import DataError, UseCaseError
from features.events import Log, open_log
from features.labels import LABEL, Cutoffs, cutoffs_of, eligibility, labelled, naive
from features.layout import Layout, layout_of
from features.learning import CUTOFF, GROUP, ID, ORDER, LearningTable, called, check_names, class_shortage
from features.readytable import read_ready_table
from features.schema import check_table
from features.sources import digest
from features.types import CUSTOMER_ID, ELIGIBLE, Predicate
from features.usecase import UseCase
from features.windows import feature_table, log_features

__all__ = ["LearningTable", "learning_table", "scoring_table"]


def learning_table(use_case: UseCase) -> LearningTable:
    """The table a use case learns from.

    Raises:
        DataError: the data broke its contract.
        UseCaseError: the use case names a column to exclude that the table does not have.
    """
    if use_case.table is not None:
        table, _ = read_ready_table(use_case)
        return table
    with engine() as backend:
        log = open_log(backend, use_case)
        cutoffs, notes = cutoffs_of(use_case, log)
        layout = layout_of(use_case, log, naive(cutoffs.train[-1]))
        features, eligible = called(log_features(layout), use_case), eligibility(use_case)
        check_names(use_case, [feature.name for feature in features])
        parts = {moment: _at(log, layout, use_case, moment, eligible) for moment in (*cutoffs.train, cutoffs.test)}
    cutoffs, notes = _with_both_classes(log, cutoffs, parts, notes)
    rows = pl.concat([parts[moment] for moment in (*cutoffs.train, cutoffs.test)])
    check_table(rows, features, log.source.path)
    report = {
        "source": "log",
        "rows": log.rows,
        "duplicates_removed": log.duplicates,
        "bad_rows": log.bad.to_json(),
        "cutoffs": cutoffs.to_json(),
        "notes": notes,
    }
    return LearningTable(rows, features, eligible, cutoffs, report, _digest(use_case))


def _digest(use_case: UseCase) -> str:
    sections = (use_case.events, use_case.table, use_case.profiles)
    return digest(*(section.path for section in sections if section is not None))


def _at(log: Log, layout: Layout, use_case: UseCase, cutoff: datetime, eligible: Predicate | None) -> pl.DataFrame:
    """Eligible customers at one cutoff, by id, with label and bookkeeping."""
    table = labelled(feature_table(log.events, ibis.literal(naive(cutoff)), layout), log.events, use_case, cutoff)
    if eligible is not None:
        table = table.filter(table[eligible.feature] <= eligible.value)
    table = table.mutate(**{GROUP: md5_lower(table[CUSTOMER_ID])}).order_by(CUSTOMER_ID)
    names = [feature.name for feature in log_features(layout)]
    return frame(table).select(
        pl.col(CUSTOMER_ID).alias(ID),
        pl.lit(cutoff).cast(pl.Datetime("us", "UTC")).alias(CUTOFF),
        pl.lit(None, pl.Float64).alias(ORDER),
        *names,
        LABEL,
        pl.col(GROUP).cast(pl.UInt64),
    )


def _with_both_classes(
    log: Log, cutoffs: Cutoffs, parts: dict[datetime, pl.DataFrame], notes: list[str]
) -> tuple[Cutoffs, list[str]]:
    """The training cutoffs that have both classes.

    Raises:
        DataError: nobody is eligible, or a part has fewer than 20 customers of a class.
    """
    train = tuple(moment for moment in cutoffs.train if parts[moment][LABEL].n_unique() == 2)
    if len(train) < len(cutoffs.train):
        notes = [*notes, f"{len(train)} of {len(cutoffs.train)} training cutoffs have both classes"]
    broken = []
    for name, moments in (("training part", cutoffs.train), ("test part", (cutoffs.test,))):
        labels = pl.concat([parts[moment][LABEL] for moment in moments])
        broken += class_shortage(labels, name, "the label event")
    if broken:
        raise DataError(log.source.path, broken)
    return replace(cutoffs, train=train), notes


def scoring_table(use_case: UseCase, cutoff: datetime) -> pl.DataFrame:
    """Customers with any event before the cutoff, by id: customer_id, the model's features, `eligible` last.

    The features are those of the model as long as the cutoff is not earlier than its training cutoffs.

    Raises:
        UseCaseError: the use case is on a ready table, which is scored as it is.
        DataError: the data broke its contract.
    """
    if use_case.events is None:
        raise UseCaseError(
            use_case.file, ["[events] must be given to build features; a ready table is scored as it is"]
        )
    with engine() as backend:
        log = open_log(backend, use_case)
        cutoffs, _ = cutoffs_of(use_case, log)
        layout = layout_of(use_case, log, naive(min(cutoffs.train[-1], cutoff)))
        table = frame(feature_table(log.events, ibis.literal(naive(cutoff)), layout).order_by(CUSTOMER_ID))
    features, eligible = log_features(layout), eligibility(use_case)
    check_table(table, features, log.source.path)
    allowed = pl.lit(True) if eligible is None else (pl.col(eligible.feature) <= eligible.value).fill_null(False)
    return table.select(CUSTOMER_ID, *(feature.name for feature in features), allowed.alias(ELIGIBLE))
