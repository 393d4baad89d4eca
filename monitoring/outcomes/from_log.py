"""Outcomes of days read from the log itself, by the very definition that training learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from features.config.use_case import LogUseCase
from features.history.event_log import open_log
from features.history.orders import merge_orders
from features.point_in_time.labels import LABEL, labels, log_end, purchases
from features.sources.engine import engine, frame
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import objectors_of
from features.tables.outcome_schema import OUTCOME


@dataclass(frozen=True, slots=True)
class LogOutcomes:
    """What a log says of some days, and of itself."""

    reaches: datetime  # UTC; the midnight after its last event
    read: int  # rows of the source
    rejected: int  # of them set aside, since they broke a rule
    known: dict[
        datetime, pl.DataFrame
    ]  # by day that is over: customer_id, outcome, orders and value of those asked about


def log_outcomes(
    use_case: LogUseCase, asked: Sequence[tuple[datetime, pl.Series]], home: Path, until: datetime
) -> LogOutcomes:
    """Reads the log once and says what customers did after some days.

    A day is over once its window lies before `until` and before the end of the log: a log that ends early would make
    everybody look as if nothing came of them. Whom the log does not know has no outcome.

    Args:
        use_case: Whose label is asked for.
        asked: Days with the ids of their customers.
        home: Whose objectors are left out.
        until: The moment from which it is looked at, UTC.

    Raises:
        DataError: The log broke its contract.
        SuppressionError: The suppression list cannot be read.
    """
    with engine() as backend:
        log = open_log(
            backend, use_case, known_to=until.astimezone(UTC).replace(tzinfo=None), objectors=objectors_of(home)
        )
        reaches = log_end(log)
        events = merge_orders(log.decoded)
        ids = frame(log.decoded.select(CUSTOMER_ID).distinct())[CUSTOMER_ID]
        over = [(day, customers) for day, customers in asked if window_end(use_case, day) <= min(until, reaches)]
        known = {
            day: pl.DataFrame([found, labels(found, events, use_case, day)])
            .rename({LABEL: OUTCOME})
            .hstack(purchases(found, events, use_case, day))
            for day, found in _among(over, ids)
        }
        return LogOutcomes(reaches, log.bad.read, log.bad.total, known)


def window_end(use_case: LogUseCase, day: datetime) -> datetime:
    """When the outcome of a day is known."""
    return day + timedelta(days=use_case.window.gap + use_case.window.prediction)


def _among(asked: Sequence[tuple[datetime, pl.Series]], ids: pl.Series) -> Iterator[tuple[datetime, pl.Series]]:
    """The customers of each day whom the log knows."""
    for day, customers in asked:
        once = customers.unique()  # in an order that is another each time
        yield day, once.filter(once.is_in(ids.implode())).sort().rename(CUSTOMER_ID)
