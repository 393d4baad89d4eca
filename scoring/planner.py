"""Thresholds planned from a bundle's curves: by capacity, precision, lift, or cost and value, with intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Z90 = 1.6448536269514722  # the normal quantile of a two-sided 90% interval


@dataclass(frozen=True)
class Curve:
    """Rows with known outcomes, cut at falling probabilities: a cut takes all rows of at least `at`."""

    at: Floats
    rows: Floats  # rising; the last cut takes every row
    hits: Floats

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Curve:
        """One candidate's curve of `curves.json`."""
        return cls(*(np.asarray(stored[name], dtype=np.float64) for name in ("at", "rows", "hits")))

    @cached_property
    def precision(self) -> Floats:
        """The share of outcomes among the rows each cut takes."""
        return self.hits / self.rows

    @cached_property
    def base_rate(self) -> float:
        """The share of outcomes among all rows."""
        return float(self.precision[-1])


@dataclass(frozen=True, slots=True)
class Curves:
    """A model's curve and those of its baselines, all on the same rows."""

    served: Curve
    beside: Mapping[str, Curve]  # baselines

    @classmethod
    def parse(cls, stored: bytes) -> Curves:
        """`curves.json` of a bundle."""
        document = json.loads(stored)
        curves = {kind: Curve.of(told) for kind, told in document["candidates"].items()}
        served = curves.pop(document["served"])
        return cls(served, curves)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a campaign asks for; whichever of these is given binds, and of the cuts that keep all, one is chosen.

    With cost and value it is the most profitable one, else the largest.
    """

    capacity: int | None = None  # customers that can be contacted
    precision: float | None = None  # least share of hits among them
    lift: float | None = None  # least gain over chance
    cost: float | None = None  # of one contact
    value: float | None = None  # of one hit


@dataclass(frozen=True, slots=True)
class Cut:
    """A threshold and what contacting everyone from it upwards would bring, with 90% intervals."""

    at: float  # probability
    size: int  # customers
    share: float
    hits: float
    hits_low: float
    hits_high: float
    at_random: float  # hits among as many customers drawn by lot
    precision: float
    lift: float
    profit: float | None
    profit_low: float | None
    profit_high: float | None


def best(curve: Curve, wish: Wish, population: int) -> int | None:
    """The position of the cut a wish asks for in a population of that size; None where no cut keeps it."""
    fits = np.ones(len(curve.at), dtype=np.bool_)
    if wish.capacity is not None:
        fits &= sizes(curve, population) <= wish.capacity
    if wish.precision is not None:
        fits &= curve.precision >= wish.precision
    if wish.lift is not None:
        fits &= curve.precision >= wish.lift * curve.base_rate
    if not fits.any():
        return None
    if wish.cost is None or wish.value is None:
        return int(np.flatnonzero(fits)[-1])
    return int(np.argmax(np.where(fits, wish.value * curve.hits - wish.cost * curve.rows, -np.inf)))


def sizes(curve: Curve, population: int) -> Floats:
    """How many customers each cut takes in a population with the same scores."""
    return np.floor(curve.rows * (population / curve.rows[-1]) + 0.5)


def cut(curve: Curve, position: int, wish: Wish, population: int) -> Cut:
    """What the cut at a position would bring.

    The interval on the hits speaks of future customers: it holds both the chance in the rows the rate was measured on
    and the chance in those contacted, sd = sqrt(n r (1 - r) (1 + n / m)), with r from m rows by Laplace's rule.
    """
    size, measured = float(sizes(curve, population)[position]), float(curve.rows[position])
    rate = float(curve.hits[position]) / measured
    smooth = (float(curve.hits[position]) + 1) / (measured + 2)
    reach = Z90 * float(np.sqrt(size * smooth * (1 - smooth) * (1 + size / measured)))
    hits = size * rate
    low, high = max(size * smooth - reach, 0.0), min(size * smooth + reach, size)
    low, high = min(low, hits), max(high, hits)
    profits = [_profit(wish, amount, size) for amount in (hits, low, high)]
    return Cut(
        at=float(curve.at[position]),
        size=int(size),
        share=size / population if population else 0.0,
        hits=hits,
        hits_low=low,
        hits_high=high,
        at_random=size * curve.base_rate,
        precision=rate,
        lift=rate / curve.base_rate if curve.base_rate else 0.0,
        profit=profits[0],
        profit_low=profits[1],
        profit_high=profits[2],
    )


def _profit(wish: Wish, hits: float, size: float) -> float | None:
    return None if wish.cost is None or wish.value is None else wish.value * hits - wish.cost * size
