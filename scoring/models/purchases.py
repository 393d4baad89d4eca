"""How many purchases a customer will make and what each is worth: BG/NBD, its variant, and gamma-gamma, by numpy alone.

BG/NBD (Fader, Hardie and Lee 2005) lets a customer leave after any repeat purchase, so that one who bought once can
never have left; MBG/NBD (Batislam, Denizel and Filiztekin 2007) after the first one too. Gamma-gamma (Fader and Hardie
2013) draws the spend of a customer towards that of all others, the more the fewer purchases it is known of.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TERMS = 20_000  # of the series at most; it ends where no customer's sum moves any more
_NOTHING = 1e-18  # of a sum, which so small a term does not move
_APART = 1e-9  # how far `a` is kept from 1, where the formula is a limit


class PurchaseRates(Struct, frozen=True):
    """The parameters of BG/NBD: purchases while a customer is there, and how soon customers leave."""

    r: float
    alpha: float  # in the unit of time
    a: float
    b: float
    one_timers_leave: bool = False  # the variant, in which customers may leave after their first purchase

    def expected(self, repeats: Floats, last: Floats, age: Floats, horizon: float) -> Floats:
        """Purchases expected within the horizon.

        Written by Euler's transformation of the published form, whose terms are small however often somebody bought.

        Args:
            repeats: Purchases after the first.
            last: Time from the first to the last purchase.
            age: Time from the first purchase to now.
            horizon: How long from now on, in the same unit.
        """
        a, bought = _not_one(self.a), self.b + repeats + (1.0 if self.one_timers_leave else 0.0)
        z = horizon / (self.alpha + age + horizon)
        kept = (1 - z) ** (a - 1)
        series = hypergeometric(a + bought - repeats - 1 - self.r, a - 1, a + bought - 1, z)
        return np.asarray((a + bought - 1) / (a - 1) * (1 - kept * series) * self.alive(repeats, last, age))

    def alive(self, repeats: Floats, last: Floats, age: Floats) -> Floats:
        """The probability that a customer has not left."""
        bought = self.b + repeats - (0.0 if self.one_timers_leave else 1.0)
        silent = (self.r + repeats) * np.log((self.alpha + age) / (self.alpha + last))
        with np.errstate(over="ignore", divide="ignore"):
            gone = self.a / bought * np.exp(silent)
        possible = np.ones_like(gone) if self.one_timers_leave else repeats > 0
        return np.asarray(1 / (1 + np.where(possible, gone, 0.0)))


class SpendRates(Struct, frozen=True):
    """The parameters of gamma-gamma."""

    p: float
    q: float
    v: float  # gamma of the papers, in the currency

    def expected(self, count: Floats, mean: Floats) -> Floats:
        """The spend expected of a purchase, where so many had this mean; of none it is that of all."""
        return np.asarray(self.p * (self.v + count * np.maximum(mean, 0.0)) / (self.p * count + self.q - 1))


def hypergeometric(a: float | Floats, b: float, c: Floats, z: Floats) -> Floats:
    """Gauss's 2F1 by its series, for z in [0, 1)."""
    term = np.ones(np.broadcast_shapes(np.shape(a), np.shape(c), np.shape(z)))
    total = term.copy()
    for k in range(_TERMS):
        term = term * ((a + k) * (b + k) / ((c + k) * (k + 1)) * z)
        term = np.where(np.abs(term) > _NOTHING * np.abs(total), term, 0.0)  # a row's bits do not depend on others
        total = total + term
        if not term.any():
            break
    return total


def _not_one(a: float) -> float:
    return a if abs(a - 1) > _APART else 1 + _APART
