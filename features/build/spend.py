"""What customers spent after given moments: the outcome that a value is learned from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import polars as pl

from features.config.use_case import LogUseCase
from features.history.event_log import open_log
from features.point_in_time.labels import naive
from features.sources.engine import engine, frame
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import Objectors
from features.tables.learning_table import CUTOFF, ID

SPENT = "__spent"


def spent_after(
    use_case: LogUseCase,
    moments: Sequence[datetime],
    days: int,
    kinds: Collection[str],
    objectors: Objectors | None = None,
) -> pl.DataFrame:
    """Who spent or was paid back within so many days of each moment: `__customer_id`, `__cutoff`, `__spent`.

    Args:
        use_case: Whose log it is.
        moments: UTC; an event of the very moment counts, one at the end does not.
        days: How long.
        kinds: The types of events whose amounts are spent, as slugs. Refunds of any type are taken off.
        objectors: Who is left out.
    """
    with engine() as backend:
        events = open_log(backend, use_case, objectors=objectors).decoded
        parts = [_spent(events, moment, days, kinds) for moment in moments]
    return pl.concat(parts)


def _spent(events: ir.Table, moment: datetime, days: int, kinds: Collection[str]) -> pl.DataFrame:
    start = naive(moment)
    inside = events.filter((events.ts >= start) & (events.ts < start + timedelta(days=days)))
    refund = inside.refund | (inside.amount < 0).fill_null(False)
    bought = ibis.ifelse(inside.type.isin(sorted(kinds)), inside.amount, ibis.null(inside.amount.type()))
    net = inside.mutate(net=ibis.ifelse(refund, -inside.amount.abs(), bought))
    found = frame(net.group_by(CUSTOMER_ID).aggregate(spent=net.net.sum().cast("float64")))
    return found.select(
        pl.col(CUSTOMER_ID).cast(pl.String()).alias(ID),
        pl.lit(moment).cast(pl.Datetime("us", "UTC")).alias(CUTOFF),
        pl.col("spent").cast(pl.Float64()).fill_null(0.0).alias(SPENT),
    ).sort(ID)
