"""Texts of a column as numbers and moments: each distinct text is read once, as scoring reads it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import polars as pl

from features.spec.moments import read_moment
from features.spec.numbers import POINT, amounts


def parse_numbers(texts: pl.Series, written: str = POINT) -> pl.Series:
    """Texts as the numbers that are written so, null where they are none."""
    read = amounts(written).read
    return map_distinct(texts, lambda text: None if math.isnan(number := read(text)) else number, pl.Float64())


def parse_moments(texts: pl.Series, written: str | None = None) -> pl.Series:
    """Texts that begin with their year, or are written so, as UTC moments; null where a text is none."""
    return map_distinct(texts, lambda text: read_moment(text, written), pl.Datetime("us", "UTC"))


def map_distinct(cells: pl.Series, read: Callable[[Any], Any], kind: pl.DataType) -> pl.Series:
    """What `read` makes of each cell, asked once for each distinct one; null stays null."""
    distinct = cells.drop_nulls().unique()
    values = pl.Series([read(cell) for cell in distinct.to_list()], dtype=kind)
    return cells.replace_strict(distinct, values, default=None, return_dtype=kind)
