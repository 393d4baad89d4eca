"""Everybody whom a use case's source knows, with the features of its model: no label is asked of anyone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.build.ready_table import read_ready_table
from features.config.use_case import LogUseCase, TableUseCase, UseCase
from features.errors import UseCaseError
from features.point_in_time.definitions import log_features
from features.point_in_time.labels import log_end
from features.point_in_time.log_context import open_log_context
from features.sources.engine import engine
from features.spec.feature import CUSTOMER_ID, Feature
from features.spec.suppression_list import Objectors
from features.tables.learning_table import ID, ORDER, as_stated
from features.tables.schema import check_table


@dataclass(frozen=True, slots=True)
class KnownCustomers:
    """The customers of a source, by id."""

    rows: pl.DataFrame  # `customer_id` and the features
    features: tuple[Feature, ...]
    as_of: datetime | None  # UTC; None of a ready table, which knows no moment
    objected: int  # who objected or was erased: not among them


def known_customers(
    use_case: UseCase, as_of: datetime | None = None, objectors: Objectors | None = None
) -> KnownCustomers:
    """All customers of a use case's source: of a log as of a moment, by default its end; of a ready table all rows.

    Where a ready table has several rows of a customer it is the last, by `order_by` where that is stated.

    Raises:
        UseCaseError: A ready table's file names no column of ids, or a column that is not there.
        DataError: the data broke its contract.
    """
    if not isinstance(use_case, LogUseCase):
        return _of_table(use_case, objectors)
    with engine() as backend:
        context = open_log_context(backend, use_case, as_of, objectors)
        features = as_stated(log_features(context.plan), use_case)
        moment = as_of or log_end(context.log)
        rows = context.features_at(moment).select(CUSTOMER_ID, *(one.name for one in features))
    check_table(rows, features, context.log.source.path)
    return KnownCustomers(rows, features, moment, len(context.log.barred))


def _of_table(use_case: TableUseCase, objectors: Objectors | None) -> KnownCustomers:
    if use_case.table.customer_id is None:
        rule = "table.customer_id: must name the column of ids where customers are to be known by them, it is not given"
        raise UseCaseError(use_case.file, [rule])
    table = read_ready_table(use_case, objectors, unlabelled=True)
    latest = table.rows.sort(ORDER, maintain_order=True).unique(ID, keep="last").sort(ID)
    rows = latest.select(pl.col(ID).alias(CUSTOMER_ID), *(one.name for one in table.features))
    objected = [note["figures"]["customers"] for note in table.report["notes"] if note["rule"] == "opted_out"]
    return KnownCustomers(rows, table.features, None, sum(int(count or 0) for count in objected))
