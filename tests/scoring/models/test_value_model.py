"""A customer's expected spend as numpy computes it: against scipy, against xgboost, and as a product of its inputs."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray
from scipy.special import hyp2f1

from scoring.models.purchases import PurchaseRates, SpendRates
from scoring.models.value_model import FormulaValue, PastSpend, RepeatPurchases, TreeValue, parse_value

NAMES = ("other", "purchases_total", "days_since_purchase", "purchase_gap_mean_days", "average_basket")
FORMULA = RepeatPurchases(
    dict(zip(("count", "recency", "gap", "basket"), NAMES[1:], strict=True)),
    {"count": 2.0, "recency": 60.0, "gap": 40.0, "basket": 30.0},
    PurchaseRates(0.55, 48.0, 0.68, 1.27, one_timers_leave=True),
    SpendRates(6.2, 3.7, 15.4),
    never=0.5,
    horizon=90.0,
)


def some_customers(count: int) -> NDArray[np.float64]:
    """Encoded rows; who bought once has no mean gap, and who never did nothing at all."""
    random = np.random.default_rng(3)
    bought = random.integers(0, 6, count).astype(float)
    rows = np.stack(
        [
            np.ones(count),
            bought,
            random.uniform(1, 400, count),
            random.uniform(1, 90, count),
            random.gamma(2, 20, count),
        ],
        axis=1,
    )
    rows[bought < 2, 3] = np.nan
    rows[bought < 1, 2:] = np.nan
    return rows


@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize("horizon", [1.0, 39.0, 400.0])
def test_expected_purchases_are_the_published_formula(leave: bool, horizon: float) -> None:
    """Fader, Hardie and Lee 2005, equation 10, and its variant, by scipy's hypergeometric function."""
    rates = PurchaseRates(0.243, 4.414, 0.793, 2.426, leave)
    r, alpha, a, b = rates.r, rates.alpha, rates.a, rates.b + leave
    x, last, age = np.array([[0, 0, 0], [0, 0, 38], [1, 10, 20], [5, 30, 38], [80, 38, 38.0]]).T
    z = horizon / (alpha + age + horizon)
    shrunk = ((alpha + age) / (alpha + age + horizon)) ** (r + x)
    many = (a + b + x - 1) / (a - 1) * (1 - shrunk * hyp2f1(r + x, b + x, a + b + x - 1, z))
    gone = ((x > 0) | leave) * a / (b + x - 1) * ((alpha + age) / (alpha + last)) ** (r + x)

    assert rates.expected(x, last, age, horizon) == pytest.approx(many / (1 + gone), rel=1e-10)


def test_a_customer_s_bits_depend_on_nobody_else() -> None:
    """Alone or among others: a batch and a request say the same."""
    model, rows = FormulaValue(FORMULA, NAMES), some_customers(300)

    alone = np.concatenate([model.log_spend(rows[at : at + 1]) for at in range(len(rows))])

    assert np.array_equal(alone, model.log_spend(rows))


def test_factors_lead_from_the_typical_customer_to_each() -> None:
    """Shapley values add up to the difference of the logarithms, and a gap that is none multiplies by nothing."""
    model, rows = FormulaValue(FORMULA, NAMES), some_customers(300)
    typical = FORMULA.log_spend_of({role: np.array([value]) for role, value in FORMULA.typical.items()})

    factors = model.log_factors(rows)

    assert typical + factors.sum(axis=1) == pytest.approx(model.log_spend(rows), abs=1e-12)
    assert not factors[:, 0].any()
    assert not factors[np.isnan(rows[:, 3]) & (rows[:, 1] == 1), 3].any()


def test_past_spend_is_drawn_to_the_pace_of_all_the_more_the_younger() -> None:
    """A hundred spent within a year is the pace; the same within ten days is nearly as far below what that would be."""
    formula = PastSpend({"spent": "s", "age": "a"}, {"spent": 50.0, "age": 300.0}, 365.0, 90.0, 0.2, 30.0)

    year, new, nothing = np.exp(
        formula.log_spend_of({"spent": np.array([73.0, 73, -5]), "age": np.array([365.0, 10, 800])})
    )

    assert year == pytest.approx(0.2 * 30)
    assert year < new < 73 / 10 * 30
    assert nothing == pytest.approx(90 * 0.2 / (365 + 90) * 30)


def test_trees_behind_a_log_link_are_walked_to_the_bit() -> None:
    """Ours for few rows and xgboost's for many are the same, and their Shapley values add up."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 3)).astype(np.float32)
    spent = np.where(random.random(400) < 0.3, np.exp(rows[:, 0] + 2), 0)
    settings = {"objective": "reg:tweedie", "max_depth": 3, "base_score": float(spent.mean()), "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(rows, label=spent, nthread=1), 30)
    model = TreeValue(bytes(booster.save_raw("ubj")), threads=1)
    matrix = rows.astype(np.float64)

    expected = np.exp(model.log_spend(matrix))
    bases = model.log_spend(matrix) - model.log_factors(matrix).sum(axis=1)

    assert np.array_equal(model.log_spend(matrix[:9]), model.log_spend(matrix)[:9])
    assert model._model._trees is not None
    assert expected == pytest.approx(booster.predict(xgboost.DMatrix(rows, nthread=1)), rel=1e-6)
    assert bases == pytest.approx(np.full(400, bases[0]), abs=1e-5)


def test_a_formula_is_read_as_it_was_written() -> None:
    """By its kind; a file of another kind is refused."""
    stored = msgspec.json.encode(FORMULA)

    model = parse_value({"value.json": stored}, NAMES)

    assert model is not None
    assert np.array_equal(model.log_spend(some_customers(9)), FormulaValue(FORMULA, NAMES).log_spend(some_customers(9)))
    assert parse_value({}, NAMES) is None
    with pytest.raises(ValueError, match="kind"):
        parse_value({"value.json": stored.replace(b"repeat_purchases", b"guess")}, NAMES)
