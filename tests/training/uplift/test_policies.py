"""Effects of rows and the worth of policies, doubly robust."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.clusters import Clusters
from training.uplift.policies import Trial, figures_of


def trial(rows: int = 4000, *, share: float = 0.25, seed: int = 0) -> Trial:
    """A trial in which a contact makes a tenth of the customers answer who would not have, whoever they are."""
    random = np.random.default_rng(seed)
    treated = random.random(rows) < share
    good = (random.random(rows) < np.where(treated, 0.4, 0.3)).astype(np.float64)
    return Trial(treated, good, share, Clusters.apart(rows), np.arange(rows) % 5)


def test_effects_are_right_on_average_however_wrong_the_predictions_are() -> None:
    """The propensity is known: predictions narrow the figure, they cannot bend it."""
    means = [
        np.mean([one.effects(treated, control).mean() for one in (trial(seed=seed) for seed in range(40))])
        for treated, control in ((np.full(4000, 0.9), np.full(4000, 0.05)), (np.full(4000, 0.4), np.full(4000, 0.3)))
    ]

    assert means == pytest.approx([0.1, 0.1], abs=0.015)


@given(st.lists(st.integers(0, 5), min_size=10, max_size=60), st.floats(0.05, 0.95))
def test_a_policy_contacts_as_many_as_planned_and_the_highest_first(scores: list[int], depth: float) -> None:
    """In every fold by itself; who stands at the cut together shares what room is left."""
    scored = np.asarray(scores, dtype=np.float64)
    fold = np.arange(len(scored)) % 2
    own = Trial(scored > 2, scored, 0.5, Clusters.apart(len(scored)), fold)

    weight = own.picked(scored, depth)

    for number in (0, 1):
        mine = fold == number
        assert weight[mine].sum() == pytest.approx(depth * mine.sum())
        order = np.argsort(-scored[mine], kind="stable")
        assert (np.diff(weight[mine][order]) <= 1e-12).all()
    assert ((weight >= 0) & (weight <= 1)).all()


def test_ranks_of_folds_can_be_compared() -> None:
    """Each fold's scores count by their order alone."""
    own = trial(1000)
    scores = np.random.default_rng(1).random(1000) + 10 * own.fold

    ranks = own.ranks(scores)

    assert [ranks[own.fold == number].mean() for number in range(5)] == pytest.approx([0.5] * 5)


def test_contacting_the_same_customers_is_worth_the_same() -> None:
    """A policy gains nothing over itself, and contacting all is worth the effect less the price."""
    own = trial()
    effects = own.effects(np.full(4000, 0.4), np.full(4000, 0.3))
    picked = own.picked(np.random.default_rng(2).random(4000), 0.3)
    policies = {"uplift": picked, "response": picked.copy(), "everyone": np.ones(4000)}

    figures = figures_of(own, effects, policies, picked, price=0.02, level=0.025, seed=0)

    assert figures.beats["response"].low == figures.beats["response"].mean == figures.beats["response"].high == 0
    assert figures.values["everyone"].mean == pytest.approx(figures.effect.mean - 0.02)
    assert figures.effect.low < 0.1 < figures.effect.high
    assert figures.qini.low < 0 < figures.qini.high
