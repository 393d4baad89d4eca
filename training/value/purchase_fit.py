"""BG/NBD, its variant and gamma-gamma, fitted by maximum likelihood (Fader, Hardie and Lee 2005)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from scoring.models.purchases import PurchaseRates, SpendRates

CORRELATED = 0.3  # |correlation| of how often and how much from which gamma-gamma, which takes them apart, is not used
# Of r, alpha, a and b where time is in tenths of the mean age: beyond them all customers are alike, and so are rates.
BOUNDS = ((1e-3, 10.0), (1e-3, 1e4), (1e-3, 10.0), (1e-3, 1e3))
SPEND_BOUNDS = ((1e-2, 1e3), (1.001, 1e3), (1e-6, 1e6))  # of p, q and v: with q above 1 no spend is below 0
MOST_ROWS = 5_000  # customers that a fit reads, evenly spread where there are more

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Purchases:
    """Customers who bought: how often after the first time, when last, and for how long they are known."""

    repeats: Floats
    last: Floats  # from the first to the last purchase
    age: Floats  # from the first purchase to the cutoff, in the same unit


def fit_purchases(customers: Purchases, *, one_timers_leave: bool = False) -> tuple[PurchaseRates, float]:
    """The likeliest parameters, and their log-likelihood, which is of all customers in their own unit of time."""
    taken = _evenly(len(customers.age))
    unit = max(float(customers.age[taken].mean()), 1e-9) / 10  # where the likelihood is easily climbed
    scaled = Purchases(customers.repeats[taken], customers.last[taken] / unit, customers.age[taken] / unit)

    def loss(point: Floats) -> float:
        r, alpha, a, b = np.exp(point).tolist()
        rates = PurchaseRates(r, alpha, a, b, one_timers_leave)
        return -float(purchase_likelihood(scaled, rates).mean())

    r, alpha, a, b = np.exp(_lowest(loss, (1.0, 1.0, 1.0, 1.65), BOUNDS)).tolist()
    rates = PurchaseRates(r, alpha * unit, a, b, one_timers_leave)
    return rates, float(purchase_likelihood(customers, rates).sum())


def purchase_likelihood(customers: Purchases, rates: PurchaseRates) -> Floats:
    """The log-likelihood of each customer."""
    x, r, alpha, a, b = customers.repeats, rates.r, rates.alpha, rates.a, rates.b
    base = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    late = 1.0 if rates.one_timers_leave else 0.0  # one more chance to leave, the first
    stayed = base + betaln(a, b + x + late) - betaln(a, b) - (r + x) * np.log(alpha + customers.age)
    left = base + betaln(a + 1, np.maximum(b + x + late - 1, 1e-12)) - betaln(a, b)
    left = left - (r + x) * np.log(alpha + customers.last)
    possible = np.ones(len(x), np.bool_) if rates.one_timers_leave else x > 0
    return np.asarray(np.logaddexp(stayed, np.where(possible, left, -np.inf)))


def fit_spend(count: Floats, mean: Floats) -> SpendRates:
    """The likeliest parameters of customers with so many purchases of this mean, both above 0."""
    taken = _evenly(len(count))
    unit = float(np.median(mean[taken]))
    x, m = count[taken], mean[taken] / unit

    def loss(point: Floats) -> float:
        p, q, v = np.exp(point).tolist()
        likelihood = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v)
        likelihood = likelihood + (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(v + m * x)
        return -float(likelihood.mean())

    p, q, v = np.exp(_lowest(loss, (1.0, 2.7, 1.0), SPEND_BOUNDS)).tolist()
    return SpendRates(p, q, v * unit)


def spend_correlation(count: Floats, mean: Floats) -> float:
    """Pearson's correlation of how often and how much, of customers who bought twice or more; 0 where it has none."""
    again = count > 1
    if again.sum() < 3 or not count[again].std() or not mean[again].std():
        return 0.0
    return float(np.corrcoef(count[again], mean[again])[0, 1])


def _lowest(
    loss: Callable[[Floats], float], start: tuple[float, ...], bounds: tuple[tuple[float, float], ...]
) -> Floats:
    """The logarithms at which a loss is lowest: near it by a simplex, which needs no slope, to the end by slopes."""
    options = {"maxiter": 2000, "xatol": 1e-4, "fatol": 1e-9}
    within = np.log(bounds)
    near = minimize(loss, np.log(start), method="Nelder-Mead", bounds=within, options=options)
    found = minimize(loss, near.x, method="L-BFGS-B", bounds=within, options={"ftol": 1e-14, "gtol": 1e-9})
    return np.asarray(found.x if found.fun <= near.fun else near.x)


def _evenly(rows: int) -> NDArray[np.int64]:
    return np.linspace(0, rows - 1, min(rows, MOST_ROWS)).astype(np.int64)
