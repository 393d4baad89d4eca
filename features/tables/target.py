"""The columns of a ready table that are no features: its label as 0 and 1, its order as something sortable."""

from __future__ import annotations

from typing import Any

import polars as pl

from features.columns.text_parsing import parse_moments, parse_numbers
from features.columns.type_inference import read_column
from features.config.use_case import Scalar, Table
from features.sources.source import Source
from features.spec.feature import normalise
from features.spec.missing import WORDS
from features.tables.learning_table import ORDER

# Written where an outcome is not known, as `normalise` has it: words for nothing, but for those that are outcomes too.
UNKNOWN = WORDS - {
    "none",
    "nil",
    "aucun",
    "aucune",
    "s.o.",
    "sans objet",
    "not applicable",
    "non applicable",
    "vide",
    "empty",
}
_year_first = r"^(19|20)\d\d\D"


def labels_of(cells: pl.Series, positive: Scalar) -> pl.Series:
    """1 where a cell is the positive value, 0 where it is another, null where the outcome is not known.

    Numbers and booleans are compared by value (1, 1.0, True and "1" are one), all else as trimmed text whose case does
    not count. Not known is what is null, blank, or one of `UNKNOWN`, but for the positive value itself.

    >>> labels_of(pl.Series(["1.0", "no", " ", "N/A", None]), 1).to_list()
    [1, 0, None, None, None]
    """
    wanted = _canonical(positive)
    labels = {cell: None if value is None else int(value == wanted) for cell, value in _values(cells, wanted).items()}
    return pl.Series(cells.name, [labels.get(cell) for cell in cells.to_list()], dtype=pl.Int8)


def further_labels(cells: pl.Series, positive: Scalar) -> dict[str, int]:
    """The values that are neither the positive one nor its opposite, as first written, with their rows.

    The opposite is 0 where it is met, else the most frequent other value: these rows count as it does.
    """
    wanted = _canonical(positive)
    values = _values(cells, wanted)
    rows: dict[float | str, int] = {}
    written: dict[float | str, str] = {}
    for cell, count in sorted(cells.drop_nulls().value_counts().iter_rows(), key=lambda pair: (-pair[1], str(pair[0]))):
        value = values[cell]
        if value is not None and value != wanted:
            rows[value] = rows.get(value, 0) + count
            written.setdefault(value, str(cell).strip())
    opposite = 0.0 if 0.0 in rows else max(rows, key=lambda value: rows[value], default=None)
    return {written[value]: count for value, count in rows.items() if value != opposite}


def _values(cells: pl.Series, wanted: float | str | None) -> dict[Any, float | str | None]:
    """What each distinct cell means."""
    seen = {cell: _canonical(cell) for cell in cells.unique().to_list() if cell is not None}
    return {cell: None if value in UNKNOWN and value != wanted else value for cell, value in seen.items()}


def _canonical(value: Any) -> float | str | None:
    """A label's value: a number for numbers, booleans and texts of either, else text in one case; None for nothing."""
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, bool | int | float):
        return float(value)
    text = normalise(str(value))
    if text in ("true", "false"):
        return float(text == "true")
    try:
        number = float(text)
    except ValueError:
        return text or None
    return number if number == number else text


def order_of(cells: pl.DataFrame, source: Source, section: Table) -> pl.Series:
    """The `order_by` values, sortable, null where unreadable: numbers as float64, dates as UTC moments, else text.

    Dates are ISO's, or as `order_by_format` says. Text is in order only where it begins with the year and is of one
    length, such as 2024-07 or 2024-Q3.
    """
    if section.order_by is None:
        return pl.Series(ORDER, [None] * len(cells), dtype=pl.Float64)
    values = cells[source.inside(section.order_by)].alias(ORDER)
    if values.dtype == pl.String:
        filled = values.str.strip_chars().replace("", None)
        if section.order_by_format is not None:
            return parse_moments(filled, section.order_by_format).alias(ORDER)
        year_first = filled.set((~filled.str.contains(_year_first)).fill_null(False), None)
        of_one_length = year_first.drop_nulls().str.len_chars().n_unique() == 1
        options = [parse_numbers(filled), parse_moments(filled), *([year_first] if of_one_length else [])]
        return min(options, key=lambda option: option.null_count()).alias(ORDER)
    if values.dtype in (pl.Date, pl.Datetime):
        return read_column(values).cells
    return values.cast(pl.Float64).fill_nan(None) if values.dtype.is_numeric() else values.cast(pl.String)
