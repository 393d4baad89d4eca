"""Many posted rows column by column: what is plain at a glance is encoded at once, all else is left to the rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.types import Feature
from scoring.cells import CellError, Rule, doubtful

Posted = tuple[Mapping[str, Any], frozenset[str]]  # a row's features, and the names of others it may hold
Plain = tuple[NDArray[np.float64], NDArray[np.bool_]]  # encoded values, and where they are in doubt

_EXACT = 2.0**53  # whole numbers up to here are compared with bounds as they are
_KINDS: Mapping[str, set[type]] = {
    "number": {float, int, type(None)},
    "integer": {float, int, type(None)},
    "boolean": {bool, type(None)},
    "category": {str, type(None)},
    "date": {str, type(None)},
}


def plain_rows(posted: Sequence[Posted], features: Sequence[Feature]) -> tuple[list[int], list[tuple[Any, ...]]]:
    """The rows that hold every feature and no stranger, and their values, a tuple a feature."""
    names = [feature.name for feature in features]
    pick = itemgetter(*names, names[0])  # one more than is needed: of a single name it would give no tuple
    rows, picked = [], []
    for row, (values, allowed) in enumerate(posted):
        if len(values) == len(names) or values.keys() <= allowed:
            try:
                picked.append(pick(values))
            except KeyError:
                continue
            rows.append(row)
    return rows, list(zip(*picked, strict=True))[:-1]


def plain_column(feature: Feature, rule: Rule, gap: float, values: tuple[Any, ...]) -> Plain:
    """A feature's values as the rule encodes them; in doubt wherever it may refuse or warn."""
    kinds = set(map(type, values))
    if not kinds <= _KINDS[feature.type]:
        return np.full(len(values), gap), np.ones(len(values), dtype=np.bool_)
    if str in kinds or feature.type == "category":
        return _looked_up(rule, gap, values)
    try:
        numbers = np.asarray(values, dtype=np.float64)  # None becomes NaN, which is the gap of all but categories
    except OverflowError:
        return np.full(len(values), gap), np.ones(len(values), dtype=np.bool_)
    missing = np.asarray([value is None for value in values]) if type(None) in kinds else False
    return numbers, doubtful(feature, numbers) | (np.isnan(numbers) ^ missing) | (np.abs(numbers) > _EXACT)


def _looked_up(rule: Rule, gap: float, values: tuple[Any, ...]) -> Plain:
    """The rule, once a distinct text."""
    numbers: dict[str | None, float] = {None: gap}
    odd = set()
    for value in set(values) - {None}:
        try:
            numbers[value], warning = rule(value)
        except CellError:
            numbers[value], warning = math.nan, "refused"
        if warning:
            odd.add(value)
    encoded = np.asarray([numbers[value] for value in values], dtype=np.float64)
    return encoded, np.asarray([value in odd for value in values]) if odd else np.zeros(len(values), dtype=np.bool_)
