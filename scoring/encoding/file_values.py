"""Cells of files as they would be posted: where a caller sends a number, an answer or a moment, a file may hold text.

What training takes for missing is missing here: words for nothing, texts that are no number, no date or no answer, and
numbers beyond float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from features.spec.booleans import read_boolean
from features.spec.feature import Feature
from features.spec.moments import counted, read_moment, whole
from features.spec.numbers import reader
from scoring.encoding.value_rules import FLOAT32_MAX

FileValue = tuple[Any, str | None]  # as it would be posted, None where it is missing; and the code of a warning


def file_reader(feature: Feature) -> Callable[[Any], FileValue]:
    """How a feature's cells are read, whatever type they came with; blank ones and NaN are missing without a word."""
    read = _reader_of(feature)

    def cell(value: Any) -> FileValue:
        nothing = value is None or (isinstance(value, float) and math.isnan(value))
        if nothing or (isinstance(value, str) and not value.strip()):
            return None, None
        return read(value)

    return cell


def _reader_of(feature: Feature) -> Callable[[Any], FileValue]:
    if feature.type in ("number", "integer"):
        read = reader(feature.written, feature.decimal)
        return lambda value: _number(value, read)
    if feature.type == "boolean":
        return _boolean
    if feature.type == "date":
        return lambda value: _moment(value, feature.written)
    return lambda value: (_text(value), None)


def _number(value: Any, read: Callable[[str], float]) -> FileValue:
    try:
        number = read(value) if isinstance(value, str) else float(value)
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        return None, "not_a_number"
    return (number, None) if abs(number) <= FLOAT32_MAX else (None, "beyond_float32")


def _boolean(value: Any) -> FileValue:
    answer = read_boolean(value) if isinstance(value, str) else {0: False, 1: True}.get(value)
    return (None, "not_an_answer") if answer is None else (answer, None)


def _moment(value: Any, written: str | None) -> FileValue:
    if type(value) in (int, float) and counted(written):
        value = whole(value)
    if not isinstance(value, str):
        return value, None  # dates as they are; whatever else is left to the rule of dates
    moment = read_moment(value, written)
    return (None, "not_a_date") if moment is None else (moment, None)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def as_json(value: Any) -> Any:
    """A value as JSON has it: dates and moments in ISO form."""
    return value.isoformat() if isinstance(value, date | datetime) else value
