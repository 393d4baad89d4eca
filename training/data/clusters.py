"""Rows that are one customer's: together they are one piece of evidence, however many they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

DRAWS = 200
MOST_DRAWN = 20_000_000  # row draws a bootstrap may cost; beyond it takes fewer draws, never fewer than 50

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clusters:
    """Which rows are one customer's; what is drawn, and what a standard error is made of, are customers, not rows.

    >>> twice = Clusters.of([7, 7, 9])
    >>> twice.where.tolist(), twice.count, twice.alone
    ([0, 0, 1], 2, False)
    """

    where: NDArray[np.int64]  # each row's customer: 0, 1, ... in the order of their first rows
    count: int  # customers

    @classmethod
    def of(cls, group: Any) -> Clusters:
        """From a mark of each row that rows of one customer share."""
        _, first, where = np.unique(np.asarray(group), return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        return cls(rank[where], len(first))

    @classmethod
    def apart(cls, rows: int) -> Clusters:
        """Every row another customer's."""
        return cls(np.arange(rows), rows)

    @property
    def alone(self) -> bool:
        """Whether no customer has two rows."""
        return self.count == len(self.where)

    @property
    def effective(self) -> float:
        """How many independent rows they are worth, where a customer's rows are alike (Kish 1965)."""
        sizes = np.bincount(self.where).astype(np.float64)
        return float(sizes.sum() ** 2 / np.square(sizes).sum()) if len(sizes) else 0.0

    def taken(self, rows: Any) -> Clusters:
        """The clusters of some of the rows, in the order asked: by a mask, or by their positions."""
        return Clusters.of(self.where[rows])

    def sums(self, amounts: Floats) -> Floats:
        """The sum of rows' amounts over each customer."""
        return np.asarray(np.bincount(self.where, weights=amounts, minlength=self.count), dtype=np.float64)

    def error(self, values: Floats) -> float:
        """The standard error of a mean of rows' values (Liang and Zeger 1986)."""
        sums = self.sums(values - values.mean())
        return float(np.sqrt(self.count / max(self.count - 1, 1) * np.square(sums).sum()) / len(values))

    def design_effect(self, residual: Floats) -> float:
        """How many times the variance of rows' mean is that of as many customers of one row each; at least 1.

        From residuals, whose expectation is 0 (Kish 1965); where all are 0 a customer's rows are taken to be alike.
        """
        if self.alone:
            return 1.0
        plain = float(np.square(residual).sum())
        if not plain > 0:
            return len(self.where) / self.effective if len(self.where) else 1.0
        return max(1.0, float(np.square(self.sums(residual)).sum()) / plain)

    def rarer(self, label: Floats) -> int:
        """How many customers have a row of the class, 0 or 1, that fewer have."""
        return min(len(np.unique(self.where[label == value])) for value in (0, 1))

    def draws(self, *, seed: int, count: int = DRAWS) -> Iterator[Floats]:
        """How often each row is drawn, per bootstrap draw of whole customers; one draw at a time.

        Field and Welsh (2007), Bootstrapping clustered data. Together the draws would outweigh the rows.
        """
        random = np.random.default_rng(seed)
        for _ in range(affordable(len(self.where), count)):
            drawn = np.bincount(random.integers(0, self.count, self.count), minlength=self.count).astype(np.float64)
            yield drawn if self.alone else drawn[self.where]


def percentiles(drawn: Any, independent: int, *, level: float) -> list[float]:
    """The interval of a figure from its bootstrap draws, low and high; draws that are NaN count for nothing.

    Percentiles, expanded for as many customers of the rarer class as there are `independent`: a bootstrap of few is too
    narrow, by a factor of sqrt((n - 1) / n) and by the normal in the place of Student's t (Hesterberg 2015, What
    teachers should know about the bootstrap, 5.3). Their place among few draws is that of Weibull (1939), k / (n + 1).
    """
    few = max(independent, 2)
    reach = np.sqrt(few / (few - 1)) * stdtrit(few - 1, (1 + level) / 2)
    tail = float(ndtr(-reach))
    low, high = np.nanquantile(drawn, [tail, 1 - tail], method="weibull")
    return [float(low), float(high)]


def affordable(rows: int, count: int) -> int:
    """How many of `count` draws so many rows afford."""
    return max(50, min(count, MOST_DRAWN // max(rows, 1)))
