"""The planner against simulations whose truth is known."""

from __future__ import annotations

import re

import numpy as np
import pytest

from scoring.models.threshold_planner import Ask, Market, plan, profits
from training.bundling.market import market_of
from training.data.clusters import Clusters
from training.errors import PlanError


def simulated(seed: int, *, rows: int = 1500) -> tuple[Market, np.ndarray, np.ndarray]:
    """A market from a model that is a little off, today's probabilities as served, and today's true chances."""
    random = np.random.default_rng(seed)
    slope, offset = random.normal(1, 0.15), random.normal(0, 0.15)

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        odds = random.normal(-1.8, 1.2, count)
        return 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(-(slope * odds + offset)))

    test, truth = drawn(rows)
    label = (random.random(rows) < truth).astype(float)
    served, chance = drawn(rows)
    return market_of(served, test, label, Clusters.apart(rows), seed=seed), served, chance


def test_the_interval_on_hits_covers_the_truth() -> None:
    """On 300 simulated populations the 90% interval on hits holds what came 84 to 96% of the time."""
    covered = []
    for seed in range(300):
        market, served, chance = simulated(seed)
        cut = plan(market, Ask(capacity=150)).cut
        came = np.random.default_rng(seed + 10_000).random(len(served)) < chance
        hits = int(came[served >= cut.threshold].sum())
        covered.append(cut.hits_low <= hits <= cut.hits_high)

    assert 0.84 <= np.mean(covered) <= 0.96


def test_a_capacity_is_filled_and_never_passed() -> None:
    """The cut for a capacity reaches as many as can be contacted, and the counts are those of the population."""
    market, served, _ = simulated(1)

    cut = plan(market, Ask(capacity=250)).cut

    assert cut.rows == int((served >= cut.threshold).sum())
    assert 240 <= cut.rows <= 250


def test_the_most_profitable_cut_is_the_simulations_best() -> None:
    """By true chances the named cut earns what the best cut earns, within the interval of its own profit."""
    for seed in range(20):
        market, served, chance = simulated(seed)
        ask = Ask(cost=1.5, value=12.0)
        cut = plan(market, ask).cut
        order = np.argsort(-served)
        earned = np.cumsum(chance[order] * 12.0 - 1.5)
        mine = earned[int((served >= cut.threshold).sum()) - 1]

        assert cut.profit_high is not None
        assert cut.profit_low is not None
        assert earned.max() - mine <= cut.profit_high - cut.profit_low


def test_precision_and_lift_are_kept_and_reach_furthest() -> None:
    """The cut keeps the least precision or lift that was asked, and the next larger ones do not."""
    market, _, _ = simulated(3)
    for ask, column in ((Ask(precision=0.4), "precision"), (Ask(lift=2.0), "lift")):
        cut = plan(market, ask).cut
        limit = ask.precision or ask.lift
        assert limit is not None
        assert getattr(cut, column) >= limit
        further = market.cuts["rows"] > cut.rows
        assert (market.cuts[column][further] < limit).all()


@pytest.mark.parametrize("column", ["precision", "lift"])
def test_precision_and_lift_are_the_simulations_own(column: str) -> None:
    """By true chances the named cut is where precision or lift crosses what was asked, within its own interval."""
    for seed in range(20):
        market, served, chance = simulated(seed)
        limit = {"precision": 0.35, "lift": 2.0}[column]
        ask = Ask(precision=limit) if column == "precision" else Ask(lift=limit)
        cut = plan(market, ask).cut
        least = limit * (chance.mean() if column == "lift" else 1.0)
        true_hits = chance[served >= cut.threshold].sum()

        assert abs(true_hits - least * cut.rows) <= cut.hits_high - cut.hits_low


def test_words_bind_together() -> None:
    """With a capacity the most profitable cut is sought among those that keep it."""
    market, _, _ = simulated(4)
    ask = Ask(capacity=100, cost=0.1, value=50.0)

    assert plan(market, ask).cut.rows <= 100
    assert profits(market, ask) is not None


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (Ask(), "got none"),
        (Ask(cost=1.0), "a cost and a value, got cost 1."),
        (Ask(precision=0.999), "a precision of at least 0.999: the highest to be had is 0."),
        (Ask(lift=50), "a lift of at least 50: the highest to be had is "),
        (Ask(capacity=0, precision=1.5), "capacity must be at least 1, got 0; precision must be above 0 and at most 1"),
        (Ask(precision=float("nan")), "got nan"),
        (Ask(cost=1.0, value=2.0, save_rate=3.0), "save rate must be above 0 and at most 1, got 3"),
    ],
)
def test_what_cannot_be_is_said(ask: Ask, said: str) -> None:
    """An ask that is out of range, or that no cut keeps, is refused with how far the population goes."""
    with pytest.raises(PlanError, match=re.escape(said)):
        plan(simulated(5)[0], ask)


def test_a_market_survives_its_bundle() -> None:
    """Read back from JSON, a market plans the same, without drawing its interval again; an older one draws it."""
    market = simulated(6)[0]
    stored = market.to_json()
    older = stored.copy()
    del older["hits_low"], older["hits_high"]
    back, drawn = Market.from_json(stored), Market.from_json(older)

    assert plan(back, Ask(capacity=200)) == plan(drawn, Ask(capacity=200)) == plan(market, Ask(capacity=200))
    assert (back.interval is None, drawn.interval is None) == (False, True)


def test_one_score_for_all_is_one_cut() -> None:
    """A population of one probability has a single cut, taken whole."""
    label = np.r_[np.ones(30), np.zeros(70)]
    market = market_of(np.full(50, 0.3), np.full(100, 0.3), label, Clusters.apart(100))

    assert plan(market, Ask(lift=1.0)).cut.rows == 50
