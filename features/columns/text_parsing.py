"""Texts of a column as numbers and moments: each distinct text is read once, as scoring reads it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import polars as pl

from features.spec.moments import read_moment
from features.spec.numbers import PLAIN, POINT, amounts


def parse_numbers(texts: pl.Series, written: str = POINT) -> pl.Series:
    """Texts as the numbers that are written so, null where they are none."""
    # `float` is what reading comes to where all are written as machines write them
    read = float if written == POINT and are_plain(texts) else amounts(written).read
    return map_distinct(texts, lambda text: number if math.isfinite(number := read(text)) else None, pl.Float64())


def are_plain(texts: pl.Series) -> bool:
    """Whether all texts are numbers as machines write them."""
    return bool(texts.str.contains(f"^({PLAIN})$").all())


def parse_moments(texts: pl.Series, written: str | None = None) -> pl.Series:
    """Texts that begin with their year, or are written so, as UTC moments; null where a text is none."""
    return map_distinct(texts, lambda text: read_moment(text, written), pl.Datetime("us", "UTC"))


def map_distinct(cells: pl.Series, read: Callable[[Any], Any], kind: pl.DataType) -> pl.Series:
    """What `read` makes of each cell, asked once for each distinct one; null stays null."""
    distinct = cells.drop_nulls().unique()
    values = pl.Series([read(cell) for cell in distinct.to_list()], dtype=kind)
    return cells.replace_strict(distinct, values, default=None, return_dtype=kind)
