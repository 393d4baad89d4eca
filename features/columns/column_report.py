"""The data report: what came in, what was done to it, what was left out and why. Never a customer's value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from features.columns.type_inference import InferredColumn
from features.spec.data_report import ColumnReport


def column_report(name: str, role: str, kind: pl.DataType, read: InferredColumn) -> ColumnReport:
    """One column: its role and type, share missing, distinct values, range, what was done, why it was dropped."""
    cells = read.cells
    return {
        "name": name,
        "role": role,
        "source_type": str(kind),
        "type": None if read.feature is None else read.feature.type,
        "missing": cells.null_count() / len(cells) if len(cells) else 0.0,
        "distinct": _distinct(cells) if read.distinct is None else read.distinct,
        "range": _range(cells),
        "outliers": outliers(cells, read.quartiles),
        "done": list(read.done),
        "dropped": read.dropped,
    }


def outliers(cells: pl.Series, quartiles: tuple[float, float] | None = None) -> int | None:
    """How many numbers lie beyond 1.5 interquartile ranges from the quartiles (Tukey 1977); None where none can.

    They are flagged, never removed. Where half of the cells are equal there is no range to speak of. Quartiles that
    are known already are taken as they are.

    >>> outliers(pl.Series([1.0, 2.0, 3.0, 4.0, 100.0]))
    1
    """
    if not cells.dtype.is_numeric():
        return None
    low, high = quartiles or (cells.quantile(0.25), cells.quantile(0.75))
    if low is None or high is None or low == high:
        return None
    reach = 1.5 * (high - low)
    return int(((cells < low - reach) | (cells > high + reach)).sum())


def _distinct(cells: pl.Series) -> int | None:
    try:
        return int(cells.drop_nulls().n_unique())
    except pl.exceptions.PolarsError:
        return None


def _range(cells: pl.Series) -> list[int | float | str] | None:
    """The smallest and the largest of numbers and dates."""
    if not (cells.dtype.is_numeric() or cells.dtype in (pl.Date, pl.Datetime)):
        return None
    low, high = cells.min(), cells.max()
    if low is None or high is None:
        return None
    return [value.isoformat() if isinstance(value, datetime) else _plain(value) for value in (low, high)]


def _plain(value: Any) -> int | float | str:
    return value if isinstance(value, int | float) else str(value)
