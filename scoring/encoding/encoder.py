"""One encoder for every endpoint: posted rows and tables become the same matrix, or say why not."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import Feature, Row, normalise
from features.spec.missing import is_machines_missing
from features.spec.numbers import amounts
from features.spec.texts.text_marks import marked, text_columns
from scoring.encoding.block import Block, Shape
from scoring.encoding.notes import Note
from scoring.encoding.value_rules import (
    MISSING_CODE,
    OTHER_CODE,
    WARNINGS,
    InvalidValueError,
    category_codes,
    rule_for,
)
from scoring.encoding.vectorised import (
    NUMERIC,
    Plain,
    Posted,
    Values,
    is_plain,
    known_texts,
    plain_numbers,
    plain_others,
    plain_rows,
    unclear_numbers,
)

if TYPE_CHECKING:
    import pyarrow as pa

MANY = 16  # rows from which it pays to encode column by column
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows as numbers: float64, one column a feature; an invalid row is missing throughout."""

    matrix: NDArray[np.float64]
    errors: dict[int, list[Note]] = field(default_factory=dict)
    warnings: dict[int, list[Note]] = field(default_factory=dict)


class Encoder:
    """Turns values into numbers by a bundle's features and category codes.

    Numbers and integers stay as they are, booleans are 0 or 1, dates are days since 1970-01-01, a category is the
    position of its level in `levels`, where OTHER and MISSING have places of their own. A missing number is NaN.

    Warnings that are `usual_warnings`, as feature and code, are given of no row: nearly all would have them.
    """

    def __init__(
        self,
        features: tuple[Feature, ...],
        levels: Mapping[str, list[str]],
        *,
        usual_warnings: Collection[tuple[str, str]] = (),
    ) -> None:
        self.features = features
        self._usual = usual_warnings
        self.names = frozenset(feature.name for feature in features)
        self.texts = text_columns(features)  # columns of free texts, each with the features that mark its words
        self.posted = self.names.union(self.texts)  # what a row may hold
        self.levels = levels
        self._codes = codes = {
            name: category_codes(feature, levels[name]) for feature in features if (name := feature.name) in levels
        }
        self._rules = [rule_for(feature, codes.get(feature.name, {})) for feature in features]
        self._missing = [float(codes[f.name][MISSING_CODE]) if f.type == "category" else math.nan for f in features]
        self._nothing = np.asarray(self._missing)
        self._numeric = [place for place, feature in enumerate(features) if is_plain(feature)]
        self._others = [place for place, feature in enumerate(features) if not is_plain(feature)]
        order = [features[place] for place in self._numeric + self._others]
        self._known = [
            known_texts(features[place], self._rules[place], self._missing[place], levels.get(features[place].name, ()))
            for place in self._others
        ]
        self._order = [feature.name for feature in order]
        self.shape: Shape = tuple((each.name, _posted_as(each)) for each in order)  # plain numbers first
        self._cells = list(zip([feature.name for feature in features], self._rules, self._missing, strict=True))

    def lacking(self, columns: Collection[str]) -> frozenset[str]:
        """The features that columns do not have, nor are made from one of them."""
        texts = (names.values() for column, names in self.texts.items() if column in columns)
        return self.names.difference(columns, *texts)

    def row(self, values: Row, *, allowed: Collection[str] = frozenset()) -> tuple[list[float], list[Note], list[Note]]:
        """One posted row: its encoded values, the rules it breaks, and its warnings.

        Every feature must be there, null where missing; names outside the features and `allowed` are errors.
        """
        encoded: list[float] = []
        errors: list[Note] = []
        if self.texts:
            broken = (name for name in self.texts if not isinstance(values.get(name), str | None))
            errors += [
                _note("invalid_value", name, "A text must be text, or null where there is none.") for name in broken
            ]
            values = marked(values, self.texts)
        warnings: list[Note] = []
        present = len(self._cells)
        for name, rule, missing in self._cells:
            value = values.get(name, _ABSENT)
            if value is None:
                encoded.append(missing)
                continue
            if value is _ABSENT:
                present -= 1
                errors.append(_note("missing_feature", name, "Every feature must be there, null where missing."))
                continue
            try:
                number, warning = rule(value)
            except InvalidValueError as broken:
                errors.append(_note("invalid_value", name, str(broken)))
                continue
            encoded.append(number)
            if warning and (name, warning) not in self._usual:
                warnings.append(_note(warning, name, WARNINGS[warning]))
        if present < len(values):
            errors += [stranger(name) for name in values if name not in self.names and name not in allowed]
        return encoded, errors, warnings

    def rows(self, posted: Sequence[Posted]) -> Encoded:
        """Posted rows at once: to each the values, errors and warnings that `row` gives it."""
        encoded = Encoded(np.empty((len(posted), len(self.features)), dtype=np.float64))
        left: Iterable[int] = range(len(posted))
        if len(posted) >= MANY:
            unclear = np.ones(len(posted), dtype=np.bool_)
            rows, picked = plain_rows(posted, self._order)
            encoded.matrix[rows], unclear[rows] = self._sweep(picked)
            left = np.flatnonzero(unclear).tolist()
        for row in left:
            self._one_by_one(encoded, row, *posted[row])
        return encoded

    def block(self, block: Block) -> Encoded:
        """The rows of a block whose shape has this one's: to each the values, errors and warnings `row` gives it."""
        encoded = Encoded(np.empty((len(block), len(self.features)), dtype=np.float64))
        numeric = len(self._numeric)
        places = [block.names.index(name) for name in self._order]
        width = block.numbers.shape[1]
        whole = places[:numeric] == list(range(width))
        numbers = block.numbers if whole else block.numbers[:, places[:numeric]]
        encoded.matrix[:, self._numeric] = numbers
        unclear = unclear_numbers([self.features[place] for place in self._numeric], numbers)
        columns = list(zip(*block.others, strict=True)) if len(block) else [()] * (len(block.names) - width)
        for place, known, posted in zip(self._others, self._known, places[numeric:], strict=True):
            found, odd = self._typed(place, known, columns[posted - width])
            encoded.matrix[:, place] = found
            unclear |= odd
        for row in np.flatnonzero(unclear).tolist():
            self._one_by_one(encoded, row, block.features(row), frozenset(block.names))
        return encoded

    def _typed(self, place: int, known: Mapping[Any, float], values: Values) -> Plain:
        """The values of a feature that is no plain number, each of a type it may have; most are known texts."""
        try:
            return np.fromiter(map(known.__getitem__, values), np.float64, len(values)), np.False_
        except KeyError:
            return plain_others(self.features[place], self._rules[place], self._missing[place], values)

    def _one_by_one(self, encoded: Encoded, row: int, values: Row, allowed: frozenset[str]) -> None:
        numbers, errors, warnings = self.row(values, allowed=allowed)
        encoded.matrix[row] = self._missing if errors else numbers
        if errors:
            encoded.errors[row] = errors
        if warnings:
            encoded.warnings[row] = warnings

    def _sweep(self, picked: Sequence[Values]) -> Plain:
        """Values in the order of `_order`, encoded, shape (rows, features); unclear rows are left to the rules."""
        encoded = np.empty((len(picked), len(self.features)), dtype=np.float64)
        if not picked:
            return encoded, np.zeros(0, dtype=np.bool_)
        numeric = len(self._numeric)
        features = [self.features[place] for place in self._numeric]
        encoded[:, self._numeric], unclear = plain_numbers(features, [values[:numeric] for values in picked])
        others = zip(*[values[numeric:] for values in picked], strict=True)
        for place, values in zip(self._others, others, strict=True):
            found = plain_others(self.features[place], self._rules[place], self._missing[place], values)
            encoded[:, place] = found[0]
            unclear |= found[1]
        return encoded, unclear

    def table(self, table: pa.Table) -> Encoded:
        """Every row of a table at once; columns that are no feature are passed over.

        Raises:
            ValueError: A feature has no column, or more than one.
        """
        # they bring pyarrow along, which posted rows do not need
        from scoring.encoding.arrow_columns import encode_column
        from scoring.encoding.text_columns import with_marks

        if self.texts:
            table = with_marks(table, self.texts)
        lacking = [feature.name for feature in self.features if table.column_names.count(feature.name) != 1]
        if lacking:
            raise ValueError(f"Every feature needs one column of its own; missing or doubled: {', '.join(lacking)}.")
        encoded = Encoded(np.empty((table.num_rows, len(self.features)), dtype=np.float64))
        for position, (feature, rule, missing) in enumerate(
            zip(self.features, self._rules, self._missing, strict=True)
        ):
            column = encode_column(feature, rule, missing, table.column(feature.name))
            encoded.matrix[:, position] = column.numbers
            for row, detail in column.broken.items():
                encoded.errors.setdefault(row, []).append(_note("invalid_value", feature.name, detail))
            for row, code in column.warned.items():
                if (feature.name, code) not in self._usual:
                    encoded.warnings.setdefault(row, []).append(_note(code, feature.name, WARNINGS[code]))
        for row in encoded.errors:
            encoded.matrix[row] = self._missing
        return encoded

    def as_scored(self, name: str, values: Sequence[Any]) -> list[Any]:
        """A feature's posted values as they are scored: texts of numbers as numbers, levels in their one spelling.

        A text that is no level of the category is left as it is, one that stands for nothing is None.
        """
        feature = next(feature for feature in self.features if feature.name == name)
        if feature.type == "category":
            return self._levels_of(name, values)
        if feature.type not in NUMERIC or feature.written is None:
            return list(values)
        read = amounts(feature.written).read
        return [_known(read(value)) if type(value) is str else value for value in values]

    def _levels_of(self, name: str, values: Sequence[Any]) -> list[Any]:
        codes, levels = self._codes[name], self.levels[name]
        marks = {codes[MISSING_CODE]: None, codes[OTHER_CODE]: None}
        shown: dict[Any, Any] = {}
        for value in {value for value in values if type(value) is str}:
            code = codes.get(normalise(value))
            nothing = is_machines_missing(value) if code is None else code == codes[MISSING_CODE]
            shown[value] = None if nothing else value if code is None or code in marks else levels[code]
        return [shown[value] if type(value) is str else value for value in values]

    def empty(self, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows know nothing at all: every feature missing."""
        return np.asarray((np.isnan(matrix) | (matrix == self._nothing)).all(axis=1))


def _posted_as(feature: Feature) -> str:
    """A feature's type, or `amount` where numbers may be posted as text too."""
    return "amount" if feature.type in NUMERIC and feature.written is not None else feature.type


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def _note(code: str, name: str, detail: str) -> Note:
    return {"code": code, "feature": name, "detail": detail}


def stranger(name: str) -> Note:
    """What is wrong with a feature that no use case names."""
    return _note("unknown_feature", name, "A feature must be one the use case names, got another.")
