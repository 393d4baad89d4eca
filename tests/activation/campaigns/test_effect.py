"""Effects: published figures, intervals that hold as often as they say, and looks that find nothing."""

from __future__ import annotations

import numpy as np
import pytest

from activation.campaigns.effect import (
    ArmMoments,
    difference,
    fixed_interval,
    rate_interval,
    rate_moments,
    relative_difference,
    sequence_interval,
)
from benchmarks.campaigns import MOST_FALSE, false_rates

RUNS = 500


def test_the_sequence_is_that_of_gbstats() -> None:
    """GrowthBook's own test value of a relative difference, tuned to 1,000 (gbstats, MIT licence)."""
    held_out = ArmMoments.of_sums(3000, 1396.87, 52377.9767)
    treated = ArmMoments.of_sums(3461, 2422.7, 134698.29)

    found = relative_difference(treated, held_out)
    low, high = sequence_interval(found, 0.95, tightest_at=1000)

    assert [round(value, 5) for value in (found.estimate, low, high)] == [0.50336, -0.55844, 1.56516]
    assert round(found.standard_error, 5) == 0.33341


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_looking_a_hundred_times_finds_nothing_where_nothing_is(rate: float) -> None:
    """At most 5% of 2,000 campaigns without any effect are ever found to have one; a repeated t-test finds many."""
    wrong, repeated = false_rates(rate, 2_000, np.random.default_rng(3))

    assert wrong <= MOST_FALSE
    assert repeated > 0.2


@pytest.mark.parametrize("effect", [0.0, 0.03])
def test_fixed_intervals_hold_as_often_as_they_say(effect: float) -> None:
    """Those of 90% of rates and of values hold the planted effect in 86 to 94% of 500 campaigns."""
    drawn = np.random.default_rng(11)
    held = {"rate": 0, "value": 0}
    for _ in range(RUNS):
        answers = [drawn.random(900) < 0.08 + effect, drawn.random(300) < 0.08]
        low, high = rate_interval((int(answers[0].sum()), 900), (int(answers[1].sum()), 300), 0.9)
        held["rate"] += low <= effect <= high
        worth = [rows * drawn.gamma(2.0, 20.0, len(rows)) for rows in answers]
        moments = [ArmMoments.of_sums(len(rows), float(rows.sum()), float((rows**2).sum())) for rows in worth]
        low, high = fixed_interval(difference(*moments), 0.9)
        held["value"] += low <= 40 * effect <= high

    assert all(0.86 * RUNS <= count <= 0.94 * RUNS for count in held.values()), held


def test_few_answers_are_not_certain() -> None:
    """Nobody of three, or all, says little."""
    low, high = sequence_interval(difference(rate_moments(0, 3), rate_moments(3, 3)), 0.95, tightest_at=6)

    assert low < -0.9
    assert high > 0
