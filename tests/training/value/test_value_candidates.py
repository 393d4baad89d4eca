"""Which candidates compete for a customer's value, and why another does not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from features.spec.feature import Feature
from training.value.value_candidates import ValueLesson, fit_candidates

FEATURES = (
    Feature("tenure_days", "number", "tenure", "days"),
    Feature("days_since_buy", "number", "recency", "days", event="buy"),
    Feature("buys_total", "integer", "frequency", "buys", event="buy"),
    Feature("buy_gap_mean_days", "number", "regularity", "days", event="buy"),
    Feature("monetary_365d", "number", "monetary", "EUR", window_days=365),
    Feature("average_basket", "number", "basket", "EUR", event="buy"),
)


def lesson(*, together: float) -> ValueLesson:
    """Of 400 customers whose basket grows with a power of how often they buy; a tenth has not bought yet."""
    random = np.random.default_rng(5)
    count = random.integers(1, 8, 400).astype(float)
    count[:40] = 0
    recency, gap = random.uniform(1, 200, 400), random.uniform(5, 40, 400)
    basket = random.gamma(6, 5, 400) * np.maximum(count, 1) ** together
    gap[count < 2] = recency[count < 1] = basket[count < 1] = np.nan
    spent = np.where(random.random(400) < 0.4, np.nan_to_num(basket) * count / 4, 0.0)
    age = np.nan_to_num(recency, nan=90) + np.nan_to_num(gap) * np.maximum(count - 1, 0)
    rows = np.stack([age, recency, count, gap, np.nan_to_num(basket) * count, basket], axis=1)
    return ValueLesson(FEATURES, rows, spent, np.ones(400, np.bool_), rows[:80], spent[:80], 90, "buy", 3)


def test_all_four_compete_the_simplest_first() -> None:
    """Where how often and how much hardly go together."""
    found = fit_candidates(lesson(together=0.0))

    assert list(found.fitted) == ["past_spend", "bgnbd", "mbgnbd", "tweedie"]
    assert found.notes == ()


def test_gamma_gamma_does_not_compete_where_spend_depends_on_frequency() -> None:
    """It takes them for independent; how customers leave is known all the same."""
    found = fit_candidates(lesson(together=1.0))

    assert list(found.fitted) == ["past_spend", "tweedie"]
    assert found.notes == ("spend_depends_on_frequency",)
    assert found.rates is not None


@pytest.mark.parametrize("lacking", ["buy_gap_mean_days", "average_basket"])
def test_without_repeat_purchases_of_amounts_there_are_no_rates(lacking: str) -> None:
    """A feature that is not there, or hardly anybody who came back, leaves what needs neither."""
    whole = lesson(together=0.0)
    at = [feature.name != lacking for feature in FEATURES]
    features = tuple(feature for feature, kept in zip(FEATURES, at, strict=True) if kept)
    bare = dataclasses.replace(whole, features=features, fit=whole.fit[:, at], stop=whole.stop[:, at])

    found = fit_candidates(bare)

    assert list(found.fitted) == ["past_spend", "tweedie"]
    assert found.notes == ("no_repeat_purchases",)
