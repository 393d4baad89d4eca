"""Columns that are filled only in the earliest, or only in the latest, rows: what fills them has ceased, or begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from features.spec.feature import Feature, Finding
from features.tables.learning_table import CUTOFF, ORDER

_part = 0.2  # of a ready table's rows, at either end
_gone = 0.1  # of the share filled at one end, below which a column is as good as empty at the other
_least = 0.1  # share filled from which a column's filling is looked at
_expected = 15.0  # filled rows that the emptier end would have by the other's share, below which chance explains it


def filled_in_part(rows: pl.DataFrame, features: Sequence[Feature]) -> Iterator[Finding]:
    """The features that are filled at one end of time and as good as empty at the other.

    Compared are the rows of the first and of the last cutoff; of a ready table the first and the last
    fifth, by its order or, without one, as its rows stand.
    """
    early, late = _ends(rows)
    if early.is_empty() or late.is_empty():
        return
    for feature in features:
        before, after = (1 - end[feature.name].null_count() / end.height for end in (early, late))
        most, expected = max(before, after), max(before, after) * min(early.height, late.height)
        if most >= _least and min(before, after) < _gone * most and expected >= _expected:
            detail = f"filled in {before:.0%} of the earliest rows and in {after:.0%} of the latest: what fills it has "
            detail += "begun in between" if after > before else "ceased in between"
            figures = {"earliest": round(before, 4), "latest": round(after, 4)}
            yield Finding("filled_in_part", feature.name, "warn", detail, figures)


def _ends(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    cutoff = rows[CUTOFF]
    if cutoff.null_count() < rows.height:
        return rows.filter(cutoff == cutoff.min()), rows.filter(cutoff == cutoff.max())
    ordered = (
        rows.sort(ORDER, maintain_order=True, nulls_last=False) if rows[ORDER].null_count() < rows.height else rows
    )
    count = int(_part * rows.height)
    return ordered.head(count), ordered.tail(count)
