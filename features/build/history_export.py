"""A log as its clean events, under the names that a bundle's raw events have: what a stream's history begins with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from features.columns.expressions import slug
from features.config.use_case import LogUseCase, TypeColumn
from features.history.orders import ORDER_ID
from features.point_in_time.compiled_sql import LOG
from features.point_in_time.labels import naive
from features.point_in_time.log_context import LogContext, open_log_context
from features.point_in_time.traits import as_of
from features.sources.engine import engine, frame, frames
from features.spec.atomic import draft_of
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import Objectors

EVENTS, TRAITS = "events.parquet", "traits.parquet"
_OWNER = 0o600


def export_history(use_case: LogUseCase, moment: datetime, folder: Path, objectors: Objectors | None = None) -> int:
    """Writes the events of a log and, where it has profiles, the traits as of a moment; returns how many events.

    An event has the columns of the table `events` of the bundle's raw events, by their keys, but for `as_of`: bad rows,
    lines that came twice, opens without consent and `objectors` are in none of it, merged customers are one.

    Raises:
        DataError: the data broke its contract.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with engine() as backend:
        context = open_log_context(backend, use_case, moment, objectors)
        count = _write_events(context, folder / EVENTS)
        _write_traits(context, moment, folder / TRAITS)
    return count


def _write_events(context: LogContext, path: Path) -> int:
    part, ranges = context.log.encoded.parts()
    tables = (rows.to_arrow() for rows in frames(_keyed(part.decoded(), context), ranges))
    return _written(tables, path)


def _keyed(events: ir.Table, context: LogContext) -> ir.Table:
    """Decoded events by the keys of raw events, in order of customer and moment."""
    use_case = context.use_case
    columns: dict[str, ir.Value] = {name: events[name] for name in (CUSTOMER_ID, "ts", "refund")}
    columns["amount"] = events.amount.cast("float64")
    columns["type"], columns[LOG] = _type_and_log(events, context)
    columns |= {name: events[f"p{at}"] for at, name in enumerate(use_case.properties)}
    columns |= {name: events[f"m{at}"].cast("float64") for at, name in enumerate(use_case.measures)}
    if ORDER_ID in events.columns:
        columns["order"] = events[ORDER_ID]
    return events.select(**columns).order_by(CUSTOMER_ID, "ts")


def _type_and_log(events: ir.Table, context: LogContext) -> tuple[ir.Value, ir.Value]:
    """An event's type as its log calls it, and the number of that log."""
    own, number = [], []
    for at, (log, section) in enumerate(zip(context.log.logs, context.use_case.logs, strict=True)):
        known = (
            sorted(log.encoded.codes) if isinstance(section.type, TypeColumn) else [section.prefix + slug(section.type)]
        )
        of_it = events.type.isin(known)
        number.append((of_it, ibis.literal(at, "int64")))
        own += [(of_it, events.type.substr(len(section.prefix)))] if section.prefix else []
    kind = ibis.cases(*own, else_=events.type) if own else events.type
    return kind, ibis.cases(*number, else_=ibis.literal(0, "int64"))


def _write_traits(context: LogContext, moment: datetime, path: Path) -> None:
    path.unlink(missing_ok=True)
    if context.profiles is None:
        return
    rows = frame(as_of(context.profiles.rows, ibis.literal(naive(moment), "timestamp(6)")))
    known = {
        trait.inside: trait.column
        for trait in context.plan.traits
        if trait.inside in rows.columns and trait.kind != "text"
    }
    _written(iter([rows.select(CUSTOMER_ID, *known).rename(known).to_arrow()]), path)


def _written(tables: Iterator[pa.Table], path: Path) -> int:
    first, count = next(tables), 0
    with draft_of(path, mode=_OWNER) as draft, pq.ParquetWriter(draft, first.schema, compression="zstd") as writer:
        for table in chain([first], tables):
            writer.write_table(table)
            count += len(table)
    return count
