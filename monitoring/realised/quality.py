"""The figures of some customers with their intervals, or that they are too few for any."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.tables.outcome_schema import ORDERS, OUTCOME, VALUE
from monitoring.realised.weighed_rows import WeighedRows
from scoring.audiences.realised_outcomes import wilson
from scoring.health.matured_windows import FEWEST_SUMMED, BandOutcome, Bounds, MeasuredQuality, SummedFigure

FEWEST = 20  # customers of either outcome, as training asks for
CAPACITY = 0.1  # share of the customers on the list whose lift is given
SEED = 0

Floats = NDArray[np.float64]


def measured_quality(
    rows: pl.DataFrame, weight: Floats | None = None, *, capacity: float = CAPACITY
) -> MeasuredQuality:
    """What the outcomes say of the probabilities; `weight` is what each row counts for."""
    label, probability = rows[OUTCOME].cast(pl.Float64).to_numpy(), rows["probability"].to_numpy()
    count, positives = len(rows), int(label.sum())
    if min(positives, count - positives) < FEWEST:
        return MeasuredQuality(rows=count, positives=positives, too_few=True)
    weighed = WeighedRows.of(label, np.clip(probability, 1e-7, 1 - 1e-7), weight)
    drawn = list(weighed.drawn(capacity, seed=SEED))
    intervals: dict[str, Bounds] = {
        name: _interval([one[name] for one in drawn]) for name in ("roc_auc", "log_loss", "brier", "lift")
    }
    intervals["rate"] = _rate_interval(label, weight)
    figures = weighed.figures(capacity)
    return MeasuredQuality(
        rows=count,
        positives=positives,
        roc_auc=figures["roc_auc"],
        log_loss=figures["log_loss"],
        brier=figures["brier"],
        ece=figures["ece"],
        lift=figures["lift"],
        intervals=intervals,
    )


def by_group(rows: pl.DataFrame, column: str, codes: tuple[str, ...] | None = None) -> tuple[BandOutcome, ...]:
    """Predicted and realised rates by band or segment, in the order of `codes`, else of name."""
    found = {str(code): group for (code,), group in rows.drop_nulls(column).group_by(column)}
    bought = column == "segment" and ORDERS in rows.columns
    return tuple(_of_group(code, found.get(code, rows.clear()), bought=bought) for code in (codes or sorted(found)))


def _of_group(code: str, rows: pl.DataFrame, *, bought: bool) -> BandOutcome:
    count, hits = len(rows), int(rows[OUTCOME].sum())
    if not count:
        return BandOutcome(code=code, rows=0, positives=0)
    return BandOutcome(
        code=code,
        rows=count,
        positives=hits,
        predicted=float(str(rows["probability"].mean())),
        realised=hits / count,
        interval=wilson(hits, count),
        orders=_summed(rows, ORDERS) if bought else None,
        value=_summed(rows, VALUE) if bought else None,
    )


def _summed(rows: pl.DataFrame, name: str) -> SummedFigure | None:
    """A figure of those of whom a log says what they bought; None of too few, or where it is not known of one."""
    known = rows.drop_nulls(ORDERS)
    figures, buyers = known[name].cast(pl.Float64), int((known[ORDERS] > 0).sum())
    if len(known) < FEWEST_SUMMED or figures.has_nulls():
        return None
    squares = float((figures * figures).sum())
    return SummedFigure(rows=len(known), some=buyers, total=float(figures.sum()), squares=squares)


def _rate_interval(label: Floats, weight: Floats | None) -> Bounds:
    """Of the realised rate: Wilson's, for as many rows as the weighed ones are worth (Kish 1965)."""
    if weight is None:
        return wilson(int(label.sum()), len(label))
    worth = float(weight.sum()) ** 2 / float((weight * weight).sum())
    rate = float(weight @ label) / float(weight.sum())
    return wilson(round(rate * worth), round(worth))


def _interval(drawn: list[float]) -> Bounds:
    low, high = np.quantile(drawn, [0.025, 0.975], method="weibull")
    return float(low), float(high)
