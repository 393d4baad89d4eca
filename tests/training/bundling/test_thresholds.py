"""Thresholds: four decimals, strictly rising, inside (0, 1), whatever the scores."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.models.bands import Ladder
from training.bundling.thresholds import around, at_percentiles, at_scores, realised, rising
from training.data.clusters import Clusters


@given(st.lists(st.floats(1e-7, 1 - 1e-7), min_size=1, max_size=60), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_any_population_gives_a_ladder(scores: list[float], steps: int) -> None:
    """One score for all, two, or many: thresholds always part (0, 1) in four decimals."""
    thresholds = at_percentiles(np.array(scores), np.linspace(10, 90, steps).tolist())

    Ladder(tuple(f"b{place}" for place in range(steps + 1)), thresholds)
    assert all(round(threshold, 4) == threshold for threshold in thresholds)


@given(st.lists(st.sampled_from([0.02, 0.0201, 0.3, 0.60006, 0.99104, 0.99106, 0.9999]), min_size=2, max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_label_never_contradicts_its_number(scores: list[float]) -> None:
    """The highest score is in the highest band, the lowest of others in the lowest, however many share them."""
    population = np.array(scores)
    ladder = Ladder(("low", "medium", "high"), at_percentiles(population, (60, 90)))

    rungs = ladder.rungs(population)

    assert np.all(np.diff(rungs[np.argsort(population)]) >= 0)
    if np.ptp(population) > 2e-4:
        assert rungs[population.argmax()] == 2
        assert rungs[population.argmin()] == 0


@given(
    st.lists(st.floats(1e-7, 1 - 1e-7), min_size=2, max_size=60),
    st.floats(2e-4, 1 - 2e-4),
)
@settings(max_examples=200, deadline=None)
def test_low_is_below_the_average_and_high_above_it(scores: list[float], average: float) -> None:
    """Whatever the population and the rate; what lay on its own side already stays where it was."""
    population = np.array(scores)
    before = at_percentiles(population, (60, 90))

    low, high = around(before, average)
    rungs = Ladder(("low", "medium", "high"), (low, high)).rungs(population)

    assert np.all(population[rungs == 0] < average + 1e-9)
    assert np.all(population[rungs == 2] > average)
    assert before[0] > average or low == before[0]
    assert before[1] <= average + 1e-9 or high == before[1]


def test_a_shared_high_score_is_high() -> None:
    """Of a population a quarter of which shares 99.1 nobody is "Medium" at 99.1."""
    population = np.r_[np.full(250, 0.99106), np.random.default_rng(0).uniform(0.05, 0.4, 750)]

    thresholds = at_percentiles(population, (60, 90))

    assert Ladder(("low", "medium", "high"), thresholds).rungs(np.array([0.99106]))[0] == 2


def test_percentiles_part_the_asked_shares() -> None:
    """Percentiles 60 and 90 leave the top 10 % and the next 30 %."""
    population = np.random.default_rng(0).random(10_000)

    ladder = Ladder(("low", "medium", "high"), at_percentiles(population, (60, 90)))
    shares = [band.share for band in realised(ladder, population, np.zeros(10_000), Clusters.apart(10_000))]

    assert np.allclose(shares, [0.6, 0.3, 0.1], atol=2e-4)


def test_scores_are_probabilities_in_percent() -> None:
    """A published score of 40 parts at the probability .4."""
    assert at_scores((40, 70)) == (0.4, 0.7)


def test_wanted_thresholds_out_of_bounds_come_inside() -> None:
    """Zeros and ones are moved to the nearest step inside."""
    assert rising((0.0, 0.0, 1.0, 1.0)) == (0.0001, 0.0002, 0.9998, 0.9999)


def test_an_empty_band_has_no_rate() -> None:
    """A band without rows says so, instead of a rate of nothing."""
    bands = realised(Ladder(("low", "high"), (0.5,)), np.array([0.1, 0.2]), np.array([0.0, 1.0]), Clusters.apart(2))

    assert bands[1].rows == 0
    assert bands[1].realised is None
