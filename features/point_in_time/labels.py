"""Cutoffs, and who did what after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir
import polars as pl

from features.columns.expressions import slug
from features.config.use_case import CurrencyColumn, LogUseCase, Window
from features.errors import DataError
from features.history.event_log import Log
from features.sources.engine import frame
from features.spec.data_report import CutoffDates
from features.spec.feature import CUSTOMER_ID, DataNote, Predicate

LABEL = "__label"
_tolerated_shortfall = 0.1  # of the prediction window, where the test cutoff is the user's own


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """The moments at which features end and outcomes begin, UTC."""

    train: tuple[datetime, ...]  # rising
    test: datetime

    def to_json(self) -> CutoffDates:
        """As the data report gives it."""
        return {"train": [moment.isoformat() for moment in self.train], "test": self.test.isoformat()}


def log_end(log: Log) -> datetime:
    """The midnight after the last event: the log is taken to be whole up to there."""
    return datetime(log.last.year, log.last.month, log.last.day, tzinfo=UTC) + timedelta(days=1)


def cutoffs_of(use_case: LogUseCase, log: Log) -> tuple[Cutoffs, list[DataNote]]:
    """The test cutoff, the training cutoffs with enough history, and what there is to note about them.

    A training cutoff's outcome window ends at or before the test cutoff; `prediction` days of history lie before it.

    Raises:
        DataError: the test cutoff lies outside the log, or leaves no training cutoff.
    """
    window, column = use_case.window, log.section.timestamp
    first, end = log.first.replace(tzinfo=UTC), log_end(log)
    wait = timedelta(days=window.gap + window.prediction)
    test = window.test_cutoff or end - wait
    notes = _check_test(column, window, log, test)
    steps = range(1, window.train_cutoffs + 1)
    asked = [test - timedelta(days=window.gap + step * window.prediction) for step in steps]
    train = tuple(sorted(moment for moment in asked if moment - timedelta(days=window.prediction) >= first))
    if not train:
        raise DataError(
            log.source.path,
            [
                f"column {column!r}: the log must reach back {2 * window.prediction + window.gap} days "
                f"before the test cutoff {test:%Y-%m-%d}, it begins on {first:%Y-%m-%d}"
            ],
        )
    if len(train) < len(asked):
        figures = {"kept": len(train), "asked": len(asked), "days": window.prediction}
        detail = f"{len(train)} of {len(asked)} training cutoffs have {window.prediction} days of history"
        notes.append(DataNote("history", detail, figures))
    return Cutoffs(train, test), notes


def _check_test(column: str, window: Window, log: Log, test: datetime) -> list[DataNote]:
    """Rejects a test cutoff outside the log; notes where its outcome window is cut short."""
    first, end = log.first.replace(tzinfo=UTC), log_end(log)
    ends = test + timedelta(days=window.gap + window.prediction)
    if window.test_cutoff is None and test <= first:
        raise DataError(
            log.source.path,
            [
                f"column {column!r}: the log must span more than gap and prediction window, "
                f"{window.gap + window.prediction} days, it runs from {first:%Y-%m-%d} to {log.last:%Y-%m-%d}"
            ],
        )
    if not first < test < end:
        raise DataError(
            log.source.path,
            [
                f"column {column!r}: the test cutoff must lie inside the log, {first:%Y-%m-%d} to {end:%Y-%m-%d}, "
                f"got {test:%Y-%m-%d}"
            ],
        )
    lacking = (ends - end) / timedelta(days=1)
    if lacking > _tolerated_shortfall * window.prediction:
        latest = end - (ends - test)
        raise DataError(
            log.source.path,
            [
                f"column {column!r}: the prediction window must end inside the log, by {end:%Y-%m-%d}; it ends on "
                f"{ends:%Y-%m-%d}; the latest test cutoff is {latest:%Y-%m-%d}"
            ],
        )
    if lacking <= 0:
        return []
    return [
        DataNote(
            "cut_short", f"the log ends {lacking:g} days before the test prediction window does", {"days": lacking}
        )
    ]


def naive(moment: datetime) -> datetime:
    """A moment as UTC without zone, as events have it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def labels(customers: pl.Series, events: ir.Table, use_case: LogUseCase, cutoff: datetime) -> pl.Series:
    """1 for customers of whom the outcome that the use case asks about came true after a cutoff, else 0.

    Counted are label events in [cutoff + gap, cutoff + gap + prediction); refunds are none.
    """
    label, events = use_case.label, _after(events, use_case, cutoff)
    counted = events.filter(~events.refund)
    there = customers.is_in(frame(counted.select(CUSTOMER_ID).distinct())[CUSTOMER_ID].implode())
    return (there if label.outcome == "present" else ~there).cast(pl.Int8).alias(LABEL)


def purchases(customers: pl.Series, events: ir.Table, use_case: LogUseCase, cutoff: datetime) -> pl.DataFrame:
    """What customers bought after a cutoff, a row each: the events that `labels` counts, and what they were worth.

    `orders` are how many there were, `value` the sum of their amounts less those of the window's refunds; 0 of whoever
    had none. `value` is null where an amount is missing, and of all where the log has none, or several currencies.
    """
    rows = _after(events, use_case, cutoff)
    net = ibis.ifelse(rows.refund, -rows.amount.abs(), rows.amount).sum().cast("float64")
    whole = rows.amount.count() == rows.count()
    found = frame(rows.group_by(CUSTOMER_ID).aggregate(orders=rows.count(where=~rows.refund), value=net, whole=whole))
    one_currency = all(log.amount and not isinstance(log.currency, CurrencyColumn) for log in use_case.label_logs)
    known = pl.DataFrame([customers.alias(CUSTOMER_ID)]).join(found, on=CUSTOMER_ID, how="left", maintain_order="left")
    value = pl.when(pl.col("whole").fill_null(True) & one_currency).then(pl.col("value").fill_null(0.0))
    return known.select(pl.col("orders").fill_null(0).cast(pl.Int64()), value.cast(pl.Float64()).alias("value"))


def _after(events: ir.Table, use_case: LogUseCase, cutoff: datetime) -> ir.Table:
    """The label events in [cutoff + gap, cutoff + gap + prediction), of each whether it is a refund."""
    window = use_case.window
    start = naive(cutoff) + timedelta(days=window.gap)
    inside = (events.ts >= start) & (events.ts < start + timedelta(days=window.prediction))
    refund = events.refund | (events.amount < 0).fill_null(False)
    return events.filter(inside & (events.type == slug(use_case.label.event))).mutate(refund=refund)


def eligibility(use_case: LogUseCase) -> Predicate | None:
    """Who may be scored, as a comparison on one feature: a label event in [cutoff - active_within, cutoff)."""
    if use_case.eligible is None or use_case.eligible.active_within is None:
        return None
    return Predicate(f"days_since_{slug(use_case.label.event)}", "<=", float(use_case.eligible.active_within))
