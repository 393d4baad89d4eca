"""Whole columns through the same rules as single values: numbers at once, everything else once a distinct value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.spec.feature import Feature
from features.spec.numbers import PLAIN
from scoring.encoding.file_values import file_reader
from scoring.encoding.value_rules import DAY, FLOAT32_MAX, EncodedValue, InvalidValueError, ValueRule, doubtful


@dataclass(slots=True)
class EncodedColumn:
    """An encoded column: its numbers, and the rows that break a rule or earn a warning."""

    numbers: NDArray[np.float64]
    broken: dict[int, str] = field(default_factory=dict)
    warned: dict[int, str] = field(default_factory=dict)


def encode_column(feature: Feature, rule: ValueRule, missing: float, column: pa.ChunkedArray) -> EncodedColumn:
    """Encodes a column of a table file, where text may stand for numbers, dates and booleans.

    Nulls, NaN and blank text are missing and encoded as `missing`.
    """
    if pa.types.is_duration(column.type):  # Parquet holds its count of units, which is what training reads
        column = column.cast(pa.int64())
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if feature.type in ("number", "integer") and _is_number(kind):
        return _numbers(feature, rule, column)
    if feature.type in ("number", "integer") and pa.types.is_string(kind) and feature.written is None:
        numbers = _plain_numbers(column)
        if numbers is not None:
            return _numbers(feature, rule, numbers)
    if feature.type == "date" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        ticks = pc.cast(pc.cast(column, pa.timestamp("us")), pa.int64())
        days = pc.divide(ticks.cast(pa.float64(), safe=False), DAY)
        return _numbers(feature, lambda value: _seen_only(feature, value), days)
    return _distinct(_rule_of_files(feature, rule, missing), missing, column)


def _plain_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Texts as numbers, null where blank; None where some need a closer look."""
    texts = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    texts = pc.if_else(pc.equal(texts, ""), None, texts)
    if pc.all(pc.match_substring_regex(texts, f"^({PLAIN})$")).as_py() is False:
        return None
    try:
        return pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        return None


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _numbers(feature: Feature, rule: ValueRule, column: pa.ChunkedArray) -> EncodedColumn:
    values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)  # NaN where null
    doubted = doubtful([feature], values[:, None])
    if not doubted.any():
        return EncodedColumn(values)
    beyond = np.abs(values) > FLOAT32_MAX
    done = EncodedColumn(np.where(beyond, math.nan, values))
    done.warned.update(dict.fromkeys(np.flatnonzero(beyond).tolist(), "beyond_float32"))
    for row in np.flatnonzero(~beyond & doubted).tolist():
        _note(done, row, rule, float(values[row]))
    return done


def _note(done: EncodedColumn, row: int, rule: ValueRule, value: float) -> None:
    try:
        _, warning = rule(value)
    except InvalidValueError as error:
        done.broken[row] = str(error)
    else:
        if warning:
            done.warned[row] = warning


def _seen_only(feature: Feature, days: float) -> EncodedValue:
    outside = feature.seen is not None and not feature.seen[0] <= days <= feature.seen[1]
    return days, "outside_training_range" if outside else None


def _distinct(rule: ValueRule, missing: float, column: pa.ChunkedArray) -> EncodedColumn:
    encoded = column.combine_chunks()
    if pa.types.is_dictionary(encoded.type) and len(encoded.dictionary) > len(encoded):
        encoded = encoded.dictionary_decode()  # it may be of a whole row group: most of it is in none of these rows
    encoded = encoded if pa.types.is_dictionary(encoded.type) else pc.dictionary_encode(encoded)
    results = [_result(rule, missing, value) for value in encoded.dictionary.to_pylist()]
    where = np.asarray(pc.fill_null(encoded.indices, len(results)).to_numpy(zero_copy_only=False), dtype=np.int64)
    numbers = np.asarray([number for number, _, _ in results] + [missing], dtype=np.float64)
    done = EncodedColumn(numbers[where])
    for position, (_, broken, warning) in enumerate(results):
        if broken or warning:
            into, note = (done.broken, broken) if broken else (done.warned, warning)
            into.update(dict.fromkeys(np.flatnonzero(where == position).tolist(), str(note)))
    return done


def _rule_of_files(feature: Feature, rule: ValueRule, missing: float) -> Callable[[Any], EncodedValue]:
    """The rule, reading a file's spellings of numbers, booleans, dates and categories first."""
    read = file_reader(feature)

    def cell(value: Any) -> EncodedValue:
        posted, warning = read(value)
        return (missing, warning) if posted is None else rule(posted)

    return cell


def _result(rule: ValueRule, missing: float, value: Any) -> tuple[float, str | None, str | None]:
    try:
        number, warning = rule(value)
    except InvalidValueError as error:
        return missing, str(error), None
    return number, None, warning
