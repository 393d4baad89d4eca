"""Which features move with the calendar: later rows lie outside the range that earlier ones hold of them."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from features.spec.feature import Feature

NEARLY_ALL = 0.9  # of the latest cutoff's rows, outside the range of all before, from which a feature is a clock


def share_outside(feature: Feature, earlier: pl.Series, later: pl.Series) -> float:
    """The share of the later values, 0..1, that lie outside the range of the earlier ones; of numbers and dates.

    A missing value lies nowhere; where all earlier ones are missing nothing can be said: 0.
    """
    known = earlier.drop_nulls()
    if feature.type not in ("number", "integer", "date") or known.is_empty() or later.is_empty():
        return 0.0
    return int(((later < known.min()) | (later > known.max())).sum()) / len(later)


def clocks(features: Iterable[Feature], rows: pl.DataFrame) -> frozenset[str]:
    """The features that tell the cutoff rather than the customer, by learning rows of several cutoffs, not by outcomes.

    Nearly every row of the latest cutoff lies outside what all earlier ones hold of them: the rows to score will lie
    further out still, where no learning row says how the outcome goes on. None where there is one cutoff, or no cutoff.
    """
    cutoff = rows["__cutoff"]
    if cutoff.n_unique() < 2:
        return frozenset()
    latest = cutoff == cutoff.max()
    return frozenset(
        one.name
        for one in features
        if share_outside(one, rows[one.name].filter(~latest), rows[one.name].filter(latest)) >= NEARLY_ALL
    )
