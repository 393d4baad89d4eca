"""Many posted rows at once: what is plain at a glance is encoded in one sweep, all else is left to the rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import Feature, Row
from scoring.encoding.value_rules import InvalidValueError, ValueRule, doubtful

Posted = tuple[Row, frozenset[str]]  # a row's features, and the names of others it may hold
Values = tuple[Any, ...]
Plain = tuple[NDArray[np.float64], NDArray[np.bool_] | np.bool_]  # encoded values, and the unclear rows

NUMERIC = ("number", "integer")
_EXACT = 2.0**53  # whole numbers up to here are compared with bounds as they are
_NUMBERS = {float, int, type(None)}
_TEXTS = {str, type(None)}
_AMOUNTS = _NUMBERS | _TEXTS
_BOOLEANS = {bool, type(None)}


def is_plain(feature: Feature) -> bool:
    """Whether a feature is posted as numbers and never as text."""
    return feature.type in NUMERIC and feature.written is None


def plain_rows(posted: Sequence[Posted], names: Sequence[str]) -> tuple[list[int], list[Values]]:
    """The rows that hold every named feature and no stranger, and their values in the names' order."""
    pick = itemgetter(*names) if len(names) > 1 else lambda values: (values[names[0]],)
    rows, picked = [], []
    for row, (values, allowed) in enumerate(posted):
        if len(values) == len(names) or values.keys() <= allowed:
            try:
                picked.append(pick(values))
            except KeyError:
                continue
            rows.append(row)
    return rows, picked


def plain_numbers(features: Sequence[Feature], rows: Sequence[Values]) -> Plain:
    """The values of numeric features, shape (rows, features); unclear wherever a rule may refuse or warn.

    They are read row by row, as they lie in memory: by columns it takes twice as long.
    """
    kinds = set(map(type, chain.from_iterable(rows)))
    unclear = np.zeros(len(rows), dtype=np.bool_)
    if not kinds <= _NUMBERS:
        unclear |= [not set(map(type, row)) <= _NUMBERS for row in rows]
        rows = [(None,) * len(features) if odd else row for row, odd in zip(rows, unclear.tolist(), strict=True)]
    try:
        flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(features))  # None becomes NaN
    except OverflowError:
        return np.full((len(rows), len(features)), math.nan), np.ones(len(rows), dtype=np.bool_)
    values = flat.reshape(len(rows), len(features))
    unclear |= unclear_numbers(features, values)
    for row, place in np.argwhere(np.isnan(values)).tolist():
        unclear[row] |= rows[row][place] is not None
    return values, unclear


def unclear_numbers(features: Sequence[Feature], values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows of numbers, NaN where null, of which one may be refused or warned of."""
    return np.asarray((np.abs(values) > _EXACT).any(axis=1) | doubtful(features, values))


def known_texts(feature: Feature, rule: ValueRule, missing: float, levels: Sequence[str]) -> dict[Any, float]:
    """What the rule makes of the texts it was made from, as they are spelled there, and of None."""
    spelled = (*levels, *feature.spellings)
    texts = spelled if feature.type == "category" else (True, False) if feature.type == "boolean" else ()
    encoded = {text: rule(text) for text in texts}
    return {None: missing} | {text: number for text, (number, warning) in encoded.items() if not warning}


def plain_others(feature: Feature, rule: ValueRule, missing: float, values: Values) -> Plain:
    """One feature's values by the rule, asked once a distinct value; unclear where it refuses or warns.

    They are texts or booleans; of amounts in a way of their own, texts or numbers.
    """
    kinds = _BOOLEANS if feature.type == "boolean" else _AMOUNTS if feature.type in NUMERIC else _TEXTS
    odd = np.zeros(len(values), dtype=np.bool_)
    if not set(map(type, values)) <= kinds:
        odd |= [type(value) not in kinds for value in values]
        values = tuple(value if type(value) in kinds else None for value in values)
    numbers: dict[Any, float] = {None: missing}
    doubtful_values = set()
    for value in set(values) - {None}:
        try:
            numbers[value], warning = rule(value)
        except InvalidValueError:
            numbers[value], warning = math.nan, "refused"
        if warning:
            doubtful_values.add(value)
    if doubtful_values:
        odd |= [value in doubtful_values for value in values]
    return np.fromiter(map(numbers.__getitem__, values), np.float64, len(values)), odd
