"""Who of a log had an event within a span of time, and what it was worth: outcomes that need no features."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import ibis
import polars as pl

from features.columns.expressions import slug
from features.config.use_case import LogUseCase
from features.errors import DataError
from features.history.event_log import open_log
from features.sources.engine import engine, frame
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import Objectors


@dataclass(frozen=True, slots=True)
class WindowEvents:
    """Everybody who had the event; whoever is not named had none until `known_to`."""

    rows: pl.DataFrame  # customer_id, value: the sum of amounts less refunds, null where none has an amount
    known_to: datetime  # UTC: the end of the log, at most that of the span


def window_events(
    use_case: LogUseCase, event: str | None, begun: datetime, end: datetime | None, *, objectors: Objectors | None
) -> WindowEvents:
    """Who had an event after a moment.

    Args:
        use_case: Whose log it is.
        event: Its type; None: the event of the use case's label.
        begun: UTC; what is of this very moment does not count.
        end: UTC, the last moment that counts; None: all there is.
        objectors: Who is left out.

    Raises:
        DataError: The log breaks its contract, has no such event at all, or ends before the span begins.
    """
    named = slug(event or use_case.label.event)
    with engine() as backend:
        log = open_log(backend, use_case, objectors=objectors)
        last = log.of(named).last.replace(tzinfo=UTC)
        if last <= begun:
            rule = f"must hold events after {begun:%Y-%m-%d %H:%M} UTC, got none"
            raise DataError(use_case.events.path, [rule])
        known_to = min(last, end) if end else last
        theirs = log.decoded.filter(log.decoded.type == named)
        if not theirs.limit(1).count().execute():
            raise DataError(use_case.events.path, ["must hold events of the campaign's metric, got none of that type"])
        first, final = (ibis.literal(one.replace(tzinfo=None)) for one in (begun, known_to))
        inside = theirs.filter((theirs.ts > first) & (theirs.ts <= final)).group_by(CUSTOMER_ID)
        found = frame(inside.aggregate(value=theirs.amount.sum(), had=(~theirs.refund).any()))
    rows = found.filter(pl.col("had").fill_null(True)).select(
        pl.col(CUSTOMER_ID).cast(pl.String()), pl.col("value").cast(pl.Float64())
    )
    return WindowEvents(rows.sort(CUSTOMER_ID), known_to)
