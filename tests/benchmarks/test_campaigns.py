"""Short runs of `make campaigns`: intervals hold what was planted, nulls are seldom found, power is as stated."""

from __future__ import annotations

import numpy as np

from benchmarks.campaigns import LEAST_POWER, MOST_FALSE, covered, false_segments, false_values, power


def test_intervals_of_whole_campaigns_hold_what_was_planted() -> None:
    """By rate, by money a contact, adjusted by the score: most of those of 90% in 20 campaigns; the target has 500."""
    held = covered("part", 20, np.random.default_rng(20))

    assert all(share >= 0.7 for share in held.values()), held


def test_nulls_are_seldom_found() -> None:
    """By value at 100 looks, while a repeated t-test finds many; in any of eight segments."""
    wrong, repeated = false_values(0.1, 200, np.random.default_rng(20))

    assert wrong <= MOST_FALSE
    assert repeated > 0.2
    assert false_segments(500, np.random.default_rng(20)) <= MOST_FALSE


def test_as_many_customers_as_needed_find_the_effect() -> None:
    """With 80% power, by the sequence that a threshold moves by."""
    assert power(0.5, 200, np.random.default_rng(20)) >= LEAST_POWER
