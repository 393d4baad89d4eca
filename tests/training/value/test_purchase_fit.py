"""BG/NBD and gamma-gamma against what was published of the same 2,357 customers of CDNOW.

`cdnow_summary.csv` is `cdnow_customers_summary_with_transactions.csv` of the package lifetimes 0.11.3, (c) 2015 Cameron
Davidson-Pilon, under the MIT license, which stands beside it: purchases after the first, week of the last, weeks known
and mean spend, of B. Hardie and P. Fader's data.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scoring.models.purchases import PurchaseRates
from training.value.purchase_fit import Purchases, fit_purchases, fit_spend, purchase_likelihood, spend_correlation

SUMMARY = Path(__file__).parent / "cdnow_summary.csv"


@pytest.fixture(scope="module")
def summary() -> pl.DataFrame:
    """The published summary."""
    return pl.read_csv(SUMMARY).cast(pl.Float64)


@pytest.fixture(scope="module")
def customers(summary: pl.DataFrame) -> Purchases:
    """Its customers, in weeks."""
    return Purchases(*(summary[name].to_numpy() for name in ("x", "t_x", "T")))


def test_the_published_rates_are_found(customers: Purchases) -> None:
    """Fader, Hardie and Lee 2005: r .243, alpha 4.414, a .793, b 2.426, log-likelihood -9,582.4."""
    rates, likelihood = fit_purchases(customers)

    assert (rates.r, rates.alpha, rates.a, rates.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=0.0015)
    assert likelihood == pytest.approx(-9582.4, abs=0.05)


def test_the_published_spend_is_found(summary: pl.DataFrame) -> None:
    """Fader and Hardie 2013: p 6.25, q 3.74, v 15.45, where how often and how much hardly go together."""
    again = summary.filter(pl.col("x") > 0)
    count, mean = again["x"].to_numpy(), again["zbar"].to_numpy()

    spend = fit_spend(count, mean)

    assert (spend.p, spend.q, spend.v) == pytest.approx((6.25, 3.74, 15.45), abs=0.006)
    assert abs(spend_correlation(count, mean)) < 0.3


def test_one_timers_may_have_left_in_the_variant_alone(customers: Purchases) -> None:
    """Batislam et al. 2007: who bought once long ago is surely there by one, and hardly by the other."""
    rates, likelihood = fit_purchases(customers)
    leaving, other = fit_purchases(customers, one_timers_leave=True)
    once, long_ago = np.zeros(1), np.full(1, 150.0)

    assert rates.alive(once, once, long_ago).tolist() == [1.0]
    assert leaving.alive(once, once, long_ago)[0] < 0.5
    assert (leaving.r, leaving.alpha, leaving.a, leaving.b) == pytest.approx((0.525, 6.183, 0.891, 1.614), abs=0.002)
    assert other > likelihood


def test_a_unit_of_time_changes_no_customer(customers: Purchases) -> None:
    """In days alpha is seven times what it is in weeks, and the density a seventh for every repeat purchase."""
    rates = PurchaseRates(0.243, 4.414, 0.793, 2.426)
    days = Purchases(customers.repeats, 7 * customers.last, 7 * customers.age)

    there = purchase_likelihood(days, PurchaseRates(0.243, 7 * 4.414, 0.793, 2.426))

    assert there + customers.repeats * np.log(7) == pytest.approx(purchase_likelihood(customers, rates))
