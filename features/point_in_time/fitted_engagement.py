"""Weights of engagement that are fitted: how much an event of each type says of the next action, never below 0.

They follow from events before the moment at which features are settled alone: the outcomes that they are fitted on have
ended by then. Sums of whole numbers are exact, so that the order of rows changes no weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import nnls

from features.config.use_case import LogUseCase
from features.errors import DataError
from features.history.event_log import Log
from features.sources.engine import frame
from features.spec.feature import CUSTOMER_ID, DataNote

LARGEST = 10.0  # points of the type that says most
_FEWEST = 20  # customers with the next action, and without
_ACTS = "acts"


def fitted_weights(
    use_case: LogUseCase, log: Log, known: ir.Table, before: datetime, types: Sequence[str]
) -> tuple[tuple[str, float], ...]:
    """The weight of each type that says something of who has the label event next; the largest is 10.

    Args:
        use_case: The use case.
        log: Its log.
        known: The events before the moment, lines of an order as one.
        before: When features are settled, UTC without zone.
        types: The slugs of the types that features are made of, the label event's first.

    Raises:
        DataError: The events reach not far enough back, or too few customers have or have not the label event.
    """
    gram = np.zeros((len(types) + 2, len(types) + 2))  # of the counts, of 1 and of the outcome, by row a customer
    for moment in _moments(use_case, log, before):
        table = _at(use_case, known, moment, [log.encoded.codes.get(kind, -1) for kind in types])
        gram += table.T @ table
    customers, acting = gram[-2, -2], gram[-1, -1]
    if min(acting, customers - acting) < _FEWEST:
        rule = f"must have at least {_FEWEST} customers with the label event and without it to fit on"
        raise DataError(log.source.path, [f"engagement.fit: {rule}, got {acting:g} and {customers - acting:g}"])
    weights = _bounded(gram)
    if not weights.max() > 0:
        return ()
    scaled = (weights / weights.max() * LARGEST).round(2).tolist()
    return tuple((kind, weight) for kind, weight in zip(types, scaled, strict=True) if weight > 0)


def weights_note(weights: Sequence[tuple[str, float]]) -> DataNote:
    """What a report says of fitted weights."""
    shown = ", ".join(f"{kind} {weight:g}" for kind, weight in weights) or "-"
    return DataNote("engagement", f"engagement weights fitted on the next action: {shown}", {"weights": shown})


def _moments(use_case: LogUseCase, log: Log, before: datetime) -> Iterator[datetime]:
    """Moments whose outcomes have ended, and before which there is history as before a training cutoff."""
    window, step = use_case.window, timedelta(days=use_case.window.gap + use_case.window.prediction)
    earliest = log.first + timedelta(days=window.prediction)
    if before - step < earliest:
        rule = f"must reach back to {before - step - timedelta(days=window.prediction):%Y-%m-%d} to fit on"
        raise DataError(log.source.path, [f"engagement.fit: the log {rule}, it begins on {log.first:%Y-%m-%d}"])
    for at in range(1, window.train_cutoffs + 1):
        if before - at * step >= earliest:
            yield before - at * step


def _at(use_case: LogUseCase, known: ir.Table, moment: datetime, codes: Sequence[int]) -> NDArray[np.float64]:
    """By customer with any of the types in the window before a moment: counts by type, 1, the label event after it."""
    window, day = use_case.window, timedelta(days=1)
    events = known.filter(~known.refund.fill_null(False), ~(known.amount < 0).fill_null(False))
    start, first = moment - window.observation * day, moment + window.gap * day
    seen = (events.ts >= _literal(start)) & (events.ts < _literal(moment))
    after = (events.ts >= _literal(first)) & (events.ts < _literal(first + window.prediction * day))
    made = {f"n{at}": events.count(where=seen & (events.type == code)) for at, code in enumerate(codes)}
    acts = (events.count(where=after & (events.type == codes[0])) > 0).cast("int64")
    rows = frame(events.group_by(CUSTOMER_ID).aggregate(**made, one=ibis.literal(1), **{_ACTS: acts}))
    counted = rows.filter(pl.sum_horizontal(list(made)) > 0)
    return counted.select(*made, "one", _ACTS).cast(pl.Float64).to_numpy()


def _literal(moment: datetime) -> ir.Value:
    return ibis.literal(moment, "timestamp(6)")


def _bounded(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares with no weight below 0 beside a base rate that is free.

    `gram` are the products of the columns with each other: the counts, 1, the outcome.
    """
    centred = gram - np.outer(gram[-2], gram[-2]) / gram[-2, -2]
    values, vectors = np.linalg.eigh(np.delete(np.delete(centred, -2, axis=0), -2, axis=1))
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    weights: NDArray[np.float64] = nnls(root[:, :-1], root[:, -1])[0]
    return weights
