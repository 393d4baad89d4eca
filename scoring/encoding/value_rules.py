"""What one posted value may be, by the type of its feature; the same rules the table's schema keeps."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import MISSING, OTHER, Feature, normalise
from features.spec.missing import is_machines_missing
from features.spec.moments import counted, read_moment, whole
from features.spec.numbers import amounts

MISSING_CODE, OTHER_CODE = MISSING.upper(), OTHER.upper()  # of codes by normalised text, which is never in capitals
FLOAT32_MAX = float(np.finfo(np.float32).max)
INT64 = 2**63  # a whole number lies within -INT64 and INT64 - 1, as in the tables that models learn from
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400e6  # microseconds, as float64: a column's moments are divided by it too, to the same bits
_TICK = timedelta(microseconds=1)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")

WARNINGS = {
    "outside_training_range": "The value lies outside the range met in training.",
    "unseen_category": "The category was not met often enough in training; it is scored as OTHER.",
    "not_a_number": "The text is not a number; it is scored as missing.",
    "not_a_date": "The text is not a date; it is scored as missing.",
    "not_an_answer": "The text is not a yes or a no; it is scored as missing.",
    "beyond_float32": "The number is infinite or beyond the range of float32; it is scored as missing.",
}

EncodedValue = tuple[float, str | None]  # the encoded value, and the code of a warning
ValueRule = Callable[[Any], EncodedValue]


class InvalidValueError(ValueError):
    """A value its feature cannot take; the message names the rule and the kind of thing, never the value."""


def rule_for(feature: Feature, codes: Mapping[str, int]) -> ValueRule:
    """The function that encodes one value of a feature; it raises InvalidValueError."""
    if feature.type == "category":
        return _category(codes)
    if feature.type == "boolean":
        return _boolean
    if feature.type == "date":
        return lambda value: (days := _days(value, feature.written), _range_warning(feature, days))
    if feature.written is not None:
        return _amount_rule(feature, feature.written)
    return lambda value: (number := _number(value, feature), _range_warning(feature, number))


def category_codes(feature: Feature, levels: list[str]) -> dict[str, int]:
    """Normalised spelling -> code; the code is the position in `levels`, where OTHER and MISSING stand too.

    Those two stand under keys that no normalised text can be; a level that is called as they are has a spelling.
    """
    marks = {MISSING: levels.index(MISSING), OTHER: levels.index(OTHER)}
    codes = {normalise(level): code for code, level in enumerate(levels) if level not in marks}
    spellings = {
        normalise(spelling): codes[normalise(level)]
        for spelling, level in feature.spellings.items()
        if normalise(level) in codes
    }
    own = {MISSING_CODE: marks[MISSING], OTHER_CODE: marks[OTHER], "": marks[MISSING]}
    return {**marks, **spellings, **codes, **own}


def kind(value: Any) -> str:
    """What arrived, in the words of JSON."""
    names: dict[type, str] = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null" if value is None else "something else")


def is_name(key: str) -> bool:
    """Whether a posted key looks like a field's name; any other may be a customer's value, and is not repeated."""
    return _NAME.fullmatch(key) is not None


def other_keys(keys: Iterable[str]) -> str:
    """Posted keys that should not be there, counted, and named where they look like names.

    >>> other_keys(["segment", "alice@example.com"])
    '2 other keys (`segment`)'
    """
    keys = list(keys)
    named = ", ".join(f"`{key}`" for key in keys if is_name(key))
    return f"{len(keys)} other key{'s' if len(keys) > 1 else ''}{f' ({named})' if named else ''}"


def _number(value: Any, feature: Feature) -> float:
    if type(value) is not float and type(value) is not int:
        raise InvalidValueError(f"Must be a number or null, got {kind(value)}.")
    if not -FLOAT32_MAX <= value <= FLOAT32_MAX:  # also refuses NaN, and integers too large for a float
        raise InvalidValueError("Must be a finite number within the range of float32, got one beyond it.")
    if feature.type == "integer" and value != math.floor(value):
        raise InvalidValueError("Must be a whole number, got a fraction.")
    if feature.type == "integer" and not -INT64 <= value < INT64:
        raise InvalidValueError("Must be a whole number of 64 bits, got a larger one.")
    if feature.lower is not None and value < feature.lower:
        raise InvalidValueError(f"Must be at least {feature.lower:g}, got less.")
    if feature.upper is not None and value > feature.upper:
        raise InvalidValueError(f"Must be at most {feature.upper:g}, got more.")
    return float(value)


def _amount_rule(feature: Feature, written: str) -> ValueRule:
    """The rule of numbers for texts written so; whatever is no text is left to it as it is."""

    def cell(value: Any) -> EncodedValue:
        if type(value) is str:
            value = amounts(written).read(value)
            if math.isnan(value):
                raise InvalidValueError(f"Must be a number, text written {written}, or null, got other text.")
        number = _number(value, feature)
        return number, _range_warning(feature, number)

    return cell


def _range_warning(feature: Feature, number: float) -> str | None:
    return "outside_training_range" if feature.seen and not feature.seen[0] <= number <= feature.seen[1] else None


def doubtful(features: Sequence[Feature], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows of numbers, shape (rows, features), worth a look by the rules themselves.

    A number in them is out of bounds, out of the seen range, infinite, or a fraction where none may be.
    """
    low, high = np.asarray([_widest(feature) for feature in features], dtype=np.float64).reshape(-1, 2).T
    odd = ((values < low) | (values > high)).any(axis=1)
    if any(feature.type == "integer" for feature in features):
        whole = values[:, [feature.type == "integer" for feature in features]]
        fractions = np.isfinite(whole) & (whole != np.floor(whole))
        odd |= (fractions | (whole < -INT64) | (whole >= INT64)).any(axis=1)
    return np.asarray(odd)


def _widest(feature: Feature) -> tuple[float, float]:
    """Between these a number is within all bounds, and was met in training."""
    seen = feature.seen or (None, None)
    low = max(bound for bound in (-FLOAT32_MAX, feature.lower, seen[0]) if bound is not None)
    return low, min(bound for bound in (FLOAT32_MAX, feature.upper, seen[1]) if bound is not None)


def _boolean(value: Any) -> EncodedValue:
    if value is True or value is False:
        return float(value), None
    raise InvalidValueError(f"Must be true, false or null, got {kind(value)}.")


def _category(codes: Mapping[str, int]) -> ValueRule:
    other, missing = float(codes[OTHER_CODE]), float(codes[MISSING_CODE])

    def cell(value: Any) -> EncodedValue:
        if type(value) is not str:
            raise InvalidValueError(f"Must be text or null, got {kind(value)}.")
        code = codes.get(normalise(value))
        if code is not None:
            return float(code), None
        return (missing, None) if is_machines_missing(value) else (other, "unseen_category")

    return cell


def _days(value: Any, written: str | None) -> float:
    """Days since 1970-01-01 of a date, a datetime or text, in ISO form or written so; without a zone it is UTC."""
    rule = "a date in ISO 8601" if written is None else f"a date written {written} or in ISO 8601"
    if type(value) in (int, float) and counted(written):
        value = whole(value)
    if type(value) is str:
        value = read_moment(value, written)
        if value is None:
            raise InvalidValueError(f"Must be {rule}, got other text.")
    if type(value) is date:
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise InvalidValueError(f"Must be {rule} or null, got {kind(value)}.")
    elapsed = (value if value.tzinfo else value.replace(tzinfo=UTC)) - EPOCH
    return float(elapsed // _TICK) / DAY
