"""Texts of a column as numbers, amounts and moments: each distinct text is read once, as scoring reads it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import polars as pl

from features.spec.feature import read_number
from features.spec.formats import amounts, read_moment


def parse_numbers(texts: pl.Series) -> pl.Series:
    """Texts as numbers, null where they are none; each distinct text is read once, as scoring reads it."""
    return map_distinct(texts, lambda text: None if math.isnan(number := read_number(text)) else number, pl.Float64())


def parse_moments(texts: pl.Series, written: str | None = None) -> pl.Series:
    """Dates and datetimes, ISO's or written so, as UTC moments; null where a text is none; without a zone it is UTC."""
    return map_distinct(texts, lambda text: read_moment(text, written), pl.Datetime("us", "UTC"))


def parse_amounts(texts: pl.Series, written: str) -> pl.Series:
    """Amounts written so as numbers, null where a text is none."""
    read = amounts(written).read
    return map_distinct(texts, lambda text: None if math.isnan(number := read(text)) else number, pl.Float64())


def map_distinct(cells: pl.Series, read: Callable[[Any], Any], kind: pl.DataType) -> pl.Series:
    """What `read` makes of each cell, asked once for each distinct one; null stays null."""
    distinct = cells.drop_nulls().unique()
    values = pl.Series([read(cell) for cell in distinct.to_list()], dtype=kind)
    return cells.replace_strict(distinct, values, default=None, return_dtype=kind)
