"""Models that add up one term a feature: straight, bent at knots, or looked up by a category's level."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from scoring.models.imputation import Imputation

BLOCK = 4096  # rows whose places between knots are looked up at once

Values = NDArray[np.float64]


class NumericTerm(Struct, frozen=True, tag_field="kind", tag="numeric"):
    """coefficient * (value - centre), the value after its logarithm where `log1p` asks for it."""

    log1p: bool
    centre: float
    coefficient: float
    missing: float  # the term of a missing value


class SplineTerm(Struct, frozen=True, tag_field="kind", tag="spline"):
    """Straight from knot to knot and level beyond them, of the value after its logarithm where `log1p` asks for it."""

    log1p: bool
    knots: tuple[float, ...]  # rising
    values: tuple[float, ...]  # the term at each knot
    missing: float  # the term of a missing value

    def __post_init__(self) -> None:
        if len(self.knots) != len(self.values) or len(self.knots) < 2:
            raise ValueError(
                f"A spline needs as many values as knots, and two, got {len(self.values)}, {len(self.knots)}."
            )
        if not all(low < high for low, high in pairwise(self.knots)):
            raise ValueError(f"The knots of a spline must rise strictly, {len(self.knots)} do not.")


class LevelsTerm(Struct, frozen=True, tag_field="kind", tag="levels"):
    """A category's term, one value for each code."""

    values: tuple[float, ...]


Term = NumericTerm | SplineTerm | LevelsTerm
_terms_of = tuple[Term, ...]
msgspec.json.Decoder(_terms_of)  # looked up at import: msgspec crashes where two threads do that at once


@dataclass(frozen=True)
class LinearModel:
    """Log-odds as a sum of one term a feature, in closed form.

    A numeric term is coefficient * (transform(value) - centre), a spline's runs straight between its knots; both are
    `missing` where the value is null and `gaps` does not fill it; a categorical one is looked up by the level's code.
    Terms have mean 0 over the fitting rows, so each is its feature's Shapley value under independent features
    (Strumbelj and Kononenko 2014).
    """

    terms: tuple[Term, ...]
    intercept: float
    imputation: Imputation | None = None

    @classmethod
    def parse(cls, stored: bytes) -> LinearModel:
        """The model of `model.json`: {"intercept": float, "terms": [one a feature, in the manifest's order]}.

        A term is {"kind": "numeric", "log1p": bool, "centre": c, "coefficient": w, "missing": m},
        {"kind": "spline", "log1p": bool, "knots": [rising], "values": [one a knot], "missing": m} or
        {"kind": "levels", "values": [one a code]}. With `gaps` beside them, numbers are filled before they are read.
        """
        document = json.loads(stored)
        imputation = Imputation.parse(document["gaps"]) if "gaps" in document else None
        return cls(msgspec.convert(document["terms"], _terms_of), float(document["intercept"]), imputation)

    def margin(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw log-odds, shape (rows,)."""
        terms = self.contributions(matrix)
        if len(terms) == 1:  # the same additions without an array for each; `sum` would compensate, from Python 3.12 on
            alone = self.intercept
            for amount in terms[0].tolist():
                alone += amount
            return np.array([alone], dtype=np.float32)
        total = np.full(len(matrix), self.intercept)
        for term in terms.T:
            total += term  # in the features' order, so that every shape adds up alike
        return total.astype(np.float32)

    def contributions(self, matrix: NDArray[np.float32]) -> Values:
        """Each feature's term, shape (rows, features)."""
        values = matrix.astype(np.float64)
        if len(logs := self._logs):
            values[:, logs] = np.log1p(np.maximum(values[:, logs], 0.0))
        if self.imputation is not None:
            values = self.imputation.fill(values)
        found = np.empty_like(values)
        for terms in (self._straight, self._bent, self._levels):
            if len(terms.places):
                found[:, terms.places] = terms.of(values[:, terms.places])
        return found

    def contributions_in_bulk(self, matrix: NDArray[np.float32]) -> None:
        """None: a sum of columns is quick for any number of rows."""

    def bias(self) -> float:
        """The log-odds of the average fitting row."""
        return self.intercept

    @cached_property
    def _logs(self) -> NDArray[np.intp]:
        return np.flatnonzero([not isinstance(term, LevelsTerm) and term.log1p for term in self.terms])

    @cached_property
    def _straight(self) -> _Straight:
        terms = {place: term for place, term in enumerate(self.terms) if isinstance(term, NumericTerm)}
        columns = [[term.centre, term.coefficient, term.missing] for term in terms.values()]
        return _Straight(_places(terms), *np.array(columns, dtype=np.float64).reshape(-1, 3).T)

    @cached_property
    def _bent(self) -> _Bent:
        return _Bent.of_terms({place: term for place, term in enumerate(self.terms) if isinstance(term, SplineTerm)})

    @cached_property
    def _levels(self) -> _Levels:
        terms = {place: term for place, term in enumerate(self.terms) if isinstance(term, LevelsTerm)}
        sizes = [len(term.values) for term in terms.values()]
        values = [value for term in terms.values() for value in term.values]
        return _Levels(_places(terms), np.cumsum([0, *sizes[:-1]]), np.array(values, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class _Straight:
    """All straight terms, one entry each."""

    places: NDArray[np.intp]  # of the features
    centre: Values
    coefficient: Values
    missing: Values

    def of(self, values: Values) -> Values:
        """Their values, shape (rows, terms)."""
        return np.where(np.isnan(values), self.missing, self.coefficient * (values - self.centre))


@dataclass(frozen=True, slots=True)
class _Levels:
    """All terms of categories, one after another."""

    places: NDArray[np.intp]
    starts: NDArray[np.int64]
    values: Values

    def of(self, codes: Values) -> Values:
        """Their values, shape (rows, terms)."""
        return np.asarray(self.values[self.starts + codes.astype(np.int64)])


@dataclass(frozen=True, slots=True)
class _Bent:
    """All splines, a row of each array one of them; those of fewer knots end in infinite ones."""

    places: NDArray[np.intp]
    missing: Values
    first: Values  # knot
    last: Values
    inner: Values  # knots but for the first and the last, shape (terms, most)
    begins: NDArray[np.int64]  # where a term's segments begin among all of them
    starts: Values  # the knot that a segment begins at, term by term
    values: Values  # the term there
    slopes: Values

    @classmethod
    def of_terms(cls, terms: dict[int, SplineTerm]) -> _Bent:
        """The arrays of terms by their features' places."""
        most = max((len(term.knots) for term in terms.values()), default=2)
        inner, begins = np.full((len(terms), most - 2), np.inf), np.arange(len(terms)) * (most - 1)
        starts, values, slopes = (np.zeros((len(terms), most - 1)) for _ in range(3))
        for row, term in enumerate(terms.values()):
            knots, heights = np.array(term.knots), np.array(term.values)
            segments = len(knots) - 1
            inner[row, : segments - 1] = knots[1:-1]
            starts[row, :segments], values[row, :segments] = knots[:-1], heights[:-1]
            slopes[row, :segments] = np.diff(heights) / np.diff(knots)
        ends = np.array([[term.missing, term.knots[0], term.knots[-1]] for term in terms.values()]).reshape(-1, 3)
        return cls(
            _places(terms),
            ends[:, 0],
            ends[:, 1],
            ends[:, 2],
            inner,
            begins,
            starts.ravel(),
            values.ravel(),
            slopes.ravel(),
        )

    def of(self, values: Values) -> Values:
        """Their values, shape (rows, terms)."""
        if len(values) <= BLOCK:
            return self._of_block(values)
        found = np.empty_like(values)
        for start in range(0, len(values), BLOCK):
            found[start : start + BLOCK] = self._of_block(values[start : start + BLOCK])
        return found

    def _of_block(self, values: Values) -> Values:
        clipped = np.minimum(np.maximum(values, self.first), self.last)
        segment = self.begins + (clipped[:, :, None] >= self.inner).sum(axis=2)
        found = self.values[segment] + self.slopes[segment] * (clipped - self.starts[segment])
        return np.where(np.isnan(values), self.missing, found)


def _places(terms: dict[int, NumericTerm] | dict[int, SplineTerm] | dict[int, LevelsTerm]) -> NDArray[np.intp]:
    return np.array(list(terms), dtype=np.intp)
