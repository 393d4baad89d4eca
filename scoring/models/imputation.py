"""Missing numbers of a linear model, filled from what else is known of the row where its use case asks (ADR 14)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

Filled = Literal["median", "neighbours", "regression"]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROUNDS = 10  # of the regressions, each of which sees what the others have filled in
NEAREST = 5  # groups whose average fills a missing value
BLOCK = 256  # rows compared with every group at once


class LearnedGaps(TypedDict):
    """What an imputation needs: medians, or groups, or regressions with the range of what they give."""

    kind: Filled
    values: NotRequired[list[float]]
    groups: NotRequired[list[list[float]]]
    low: NotRequired[list[float]]
    high: NotRequired[list[float]]
    steps: NotRequired[list[tuple[int, float, list[float]]]]  # the number filled, intercept, a weight for every number


class Gaps(LearnedGaps):
    """What fills the missing values: of which features, and how these are standardised."""

    places: list[int]
    centres: list[float]
    spreads: list[float]


class Imputer(ABC):
    """Fills standardised rows, each by itself: the numbers are the same for one row and for a million."""

    @abstractmethod
    def fill(self, rows: Values, missing: Mask) -> None:
        """Writes a value where one is missing; `rows` holds 0 there, shape (rows, numbers)."""


@dataclass(frozen=True, slots=True)
class MedianImputer(Imputer):
    """Each number's median."""

    values: Values

    def fill(self, rows: Values, missing: Mask) -> None:
        """Writes the medians."""
        np.copyto(rows, self.values, where=missing)


@dataclass(frozen=True, slots=True)
class RegressionImputer(Imputer):
    """Each number by a regression on all others, over and over (van Buuren 2011, chained equations without draws)."""

    steps: tuple[tuple[int, float, Values], ...]  # the number filled, intercept, a weight for every number
    low: Values
    high: Values

    def fill(self, rows: Values, missing: Mask) -> None:
        """Writes what the regressions settle on, clipped to the range that was learned."""
        for _ in range(ROUNDS):
            for place, intercept, weights in self.steps:
                unknown = missing[:, place]
                if unknown.any():
                    found = intercept + (rows[unknown] * weights).sum(axis=1)
                    rows[unknown, place] = np.clip(found, self.low[place], self.high[place])


@dataclass(frozen=True, slots=True)
class NeighbourImputer(Imputer):
    """The average of the nearest groups of customers; a group is of so many that it reveals no customer."""

    groups: Values  # shape (groups, numbers)

    def fill(self, rows: Values, missing: Mask) -> None:
        """Writes averages of the groups nearest in what is known (Troyanskaya 2001, on groups)."""
        for start in range(0, len(rows), BLOCK):
            block, unknown = rows[start : start + BLOCK], missing[start : start + BLOCK]
            apart = (np.where(unknown[:, None, :], 0.0, block[:, None, :] - self.groups) ** 2).sum(axis=2)
            nearest = np.argsort(apart, axis=1, kind="stable")[:, :NEAREST]
            found = np.zeros_like(block)
            for place in nearest.T:
                found += self.groups[place]
            np.copyto(block, found / nearest.shape[1], where=unknown)


@dataclass(frozen=True, slots=True)
class Imputation:
    """What fills the missing values of a linear model's numbers, after their logarithm."""

    places: NDArray[np.int64]  # of the numbers among the features
    centres: Values
    spreads: Values
    imputer: Imputer

    @classmethod
    def parse(cls, stored: Gaps) -> Imputation:
        """The `gaps` of a `model.json`: places, centres, spreads, and what its kind needs.

        `median` needs values; `regression` low, high and steps (place, intercept, weights); `neighbours` groups.

        Raises:
            ValueError: The kind is unknown, or a list does not have one entry for each number.
        """
        places = np.asarray(stored["places"], dtype=np.int64)
        count = len(places)
        return cls(places, _of(stored["centres"], count), _of(stored["spreads"], count), _imputer(stored, count))

    def fill(self, values: Values) -> Values:
        """The rows with every missing number filled, shape (rows, features); rows without any as they are."""
        picked = values[:, self.places]
        missing = np.isnan(picked)
        open_rows = np.flatnonzero(missing.any(axis=1))
        if not len(open_rows):
            return values
        unknown = missing[open_rows]
        rows = np.where(unknown, 0.0, (picked[open_rows] - self.centres) / self.spreads)
        self.imputer.fill(rows, unknown)
        filled = values.copy()
        picked[open_rows] = np.where(unknown, rows * self.spreads + self.centres, picked[open_rows])
        filled[:, self.places] = picked
        return filled


def _imputer(stored: Gaps, count: int) -> Imputer:
    kind = stored["kind"]
    if kind == "median":
        return MedianImputer(_of(stored["values"], count))
    if kind == "neighbours":
        return NeighbourImputer(np.stack([_of(group, count) for group in stored["groups"]]))
    if kind == "regression":
        steps = tuple(_step(step, count) for step in stored["steps"])
        return RegressionImputer(steps, _of(stored["low"], count), _of(stored["high"], count))
    raise ValueError("The kind of `gaps` must be median, neighbours or regression, got another.")


def _step(stored: Sequence[Any], count: int) -> tuple[int, float, Values]:
    place, intercept, weights = stored
    if place not in range(count):
        raise ValueError(f"`gaps` must fill one of {count} numbers in each step, got another.")
    return place, float(intercept), _of(weights, count)


def _of(stored: Any, count: int) -> Values:
    values = np.asarray(stored, dtype=np.float64)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(f"`gaps` must hold one finite entry for each of {count} numbers, got {values.shape}.")
    return values
