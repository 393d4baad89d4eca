"""What a customer is expected to spend, as a product: boosted trees behind a log link, or a formula of few inputs.

Either gives the logarithm of the spend and what each feature adds to it, which multiplies the spend itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import combinations
from math import factorial
from typing import ClassVar, Protocol

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from scoring.models.model import TreeModel
from scoring.models.purchases import PurchaseRates, SpendRates

TREES_FILE, FORMULA_FILE = "value.ubj", "value.json"
BLOCK = 65_536  # rows worked on at once, so that no coalition of inputs is in memory whole
TINY = 1e-12  # below any spend: what is no money at all has a logarithm all the same

Floats = NDArray[np.float64]
Inputs = Mapping[str, Floats]


class ValueModel(Protocol):
    """Encoded rows in, log spend within the tested horizon out, before it is scaled."""

    def log_spend(self, matrix: Floats) -> Floats:
        """The logarithm of the expected spend, shape (rows,)."""

    def log_factors(self, matrix: Floats) -> Floats:
        """What each feature adds to that logarithm, from a typical customer on; shape (rows, features)."""


class TreeValue:
    """Trees that a Tweedie loss boosted: their margin is the logarithm of the expected spend."""

    def __init__(self, stored: bytes, *, threads: int = 0) -> None:
        self._model = TreeModel(stored, threads=threads).prepare()

    def log_spend(self, matrix: Floats) -> Floats:
        """The logarithm of the expected spend, shape (rows,)."""
        return np.asarray(self._model.margin(matrix.astype(np.float32)), np.float64)

    def log_factors(self, matrix: Floats) -> Floats:
        """The exact Shapley values of the trees."""
        return self._model.contributions(matrix.astype(np.float32))


class Formula(Struct, frozen=True, tag_field="kind"):
    """A spend that follows from a few features; what it depends on, and a customer to compare with."""

    features: dict[str, str]  # the feature of each input
    typical: dict[str, float]  # of each input

    def log_spend_of(self, inputs: Inputs) -> Floats:
        """The logarithm of the expected spend by the values of the inputs, NaN where missing."""
        raise NotImplementedError


class PastSpend(Formula, frozen=True, tag="past_spend"):
    """What was spent in the observation window, at the same pace: drawn to the pace of all by so many days of it."""

    days: float  # of the observation window; who is known for less has had less time to spend
    drawn: float  # days of the pace of all
    pace: float  # of all customers, a day
    horizon: float  # days

    ROLES: ClassVar[tuple[str, ...]] = ("spent", "age")

    def log_spend_of(self, inputs: Inputs) -> Floats:
        """The logarithm of the expected spend."""
        spent = np.maximum(np.nan_to_num(inputs["spent"]), 0.0)
        known = np.clip(np.nan_to_num(inputs["age"]), 0.0, self.days)
        return np.asarray(np.log((spent + self.drawn * self.pace) / (known + self.drawn) * self.horizon + TINY))


class RepeatPurchases(Formula, frozen=True, tag="repeat_purchases"):
    """Purchases by BG/NBD or its variant, times the spend of one by gamma-gamma."""

    purchases: PurchaseRates
    spend: SpendRates
    never: float  # spend of those who have not bought yet
    horizon: float  # days

    ROLES: ClassVar[tuple[str, ...]] = ("count", "recency", "gap", "basket")

    def log_spend_of(self, inputs: Inputs) -> Floats:
        """The logarithm of the expected spend; a mean gap means nothing of whoever bought once."""
        count = np.nan_to_num(inputs["count"])
        repeats = np.maximum(count - 1, 0.0)
        last = np.where(repeats > 0, np.nan_to_num(inputs["gap"]) * repeats, 0.0)
        age = last + np.nan_to_num(inputs["recency"])
        often = self.purchases.expected(repeats, last, age, self.horizon)
        each = self.spend.expected(np.maximum(count, 1.0), np.nan_to_num(inputs["basket"]))
        return np.asarray(np.log(np.where(count > 0, often * each, self.never) + TINY))


FORMULAS = PastSpend | RepeatPurchases


class FormulaValue:
    """A formula on the rows of a bundle, explained by the exact Shapley values of its inputs.

    An input that a row lacks is the typical customer's.
    """

    def __init__(self, formula: FORMULAS, features: Sequence[str]) -> None:
        self._formula, self._width = formula, len(features)
        self._at = {role: list(features).index(formula.features[role]) for role in formula.ROLES}

    def log_spend(self, matrix: Floats) -> Floats:
        """The logarithm of the expected spend, shape (rows,)."""
        return _in_blocks(matrix, lambda rows: self._formula.log_spend_of(self._known(rows)))

    def log_factors(self, matrix: Floats) -> Floats:
        """What each input adds from the typical customer on; features that are none add nothing."""
        return _in_blocks(matrix, self._factors)

    def _known(self, rows: Floats) -> dict[str, Floats]:
        typical = self._formula.typical
        return {role: np.where(np.isnan(rows[:, at]), typical[role], rows[:, at]) for role, at in self._at.items()}

    def _factors(self, rows: Floats) -> Floats:
        known, typical = self._known(rows), self._formula.typical
        worth = {}
        for team in _teams(tuple(known)):
            inputs = {role: known[role] if role in team else np.full(len(rows), typical[role]) for role in known}
            worth[team] = self._formula.log_spend_of(inputs)
        found = np.zeros((len(rows), self._width))
        for role, at in self._at.items():
            found[:, at] += shapley(role, worth, len(known))
        return found


def shapley(player: str, worth: Mapping[frozenset[str], Floats], players: int) -> Floats:
    """A player's Shapley value (1953) in the games of all rows, by what every team is worth."""
    terms = []
    for team in worth:
        if player not in team:
            weight = factorial(len(team)) * factorial(players - len(team) - 1) / factorial(players)
            terms.append(weight * (worth[team | {player}] - worth[team]))
    return reduce(np.add, terms)


def parse_value(files: Mapping[str, bytes], features: Sequence[str], *, threads: int = 0) -> ValueModel | None:
    """The value model among a bundle's files; None where it has none.

    Raises:
        ValueError: Its file is not of its kind, or names a feature that the bundle does not have.
    """
    if TREES_FILE in files:
        return TreeValue(files[TREES_FILE], threads=threads)
    return FormulaValue(_READ(files[FORMULA_FILE]), features) if FORMULA_FILE in files else None


def _teams(players: tuple[str, ...]) -> list[frozenset[str]]:
    return [frozenset(team) for size in range(len(players) + 1) for team in combinations(players, size)]


def _in_blocks(matrix: Floats, work: Callable[[Floats], Floats]) -> Floats:
    if len(matrix) <= BLOCK:
        return work(matrix)
    return np.concatenate([work(matrix[start : start + BLOCK]) for start in range(0, len(matrix), BLOCK)])


_READ = msgspec.json.Decoder(FORMULAS).decode  # looked up at import: msgspec crashes where two threads do at once
