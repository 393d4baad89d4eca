"""The dip is Hartigan's; a gap is seen, and steps of rounded numbers are none."""

from __future__ import annotations

import diptest  # type: ignore[import-untyped]
import numpy as np
import pytest

from training.segmentation.margins import dip, gap_of, without_states
from training.segmentation.search import least_depth
from training.segmentation.valleys import DEEP


@pytest.mark.parametrize("count", [5, 40, 333])
def test_the_dip_is_that_of_the_package(count: int) -> None:
    """Package `diptest`, on one hump, two and none."""
    random = np.random.default_rng(count)
    for values in (
        random.normal(size=count),
        random.random(count),
        random.exponential(size=count),
        np.r_[random.normal(size=count), random.normal(5, 0.5, count)],
    ):
        assert dip(values) == pytest.approx(diptest.dipstat(values), abs=1e-12)


def test_a_gap_is_seen_and_steps_are_none() -> None:
    """Two humps with room between them; counts on a log scale, which have room between any two of them."""
    random = np.random.default_rng(1)
    two = np.r_[random.normal(size=300), random.normal(9, 1, 200)]
    counts = np.log1p(random.poisson(3, 500).astype(float))
    zeros = np.r_[np.zeros(300), random.normal(9, 1, 200)]

    shown = [gap is not None and gap.shows for gap in (gap_of(each, random) for each in (two, counts, zeros))]

    assert shown == [True, False, False]


@pytest.mark.parametrize("digits", [2, 1, 0])
def test_a_gap_is_seen_in_rounded_numbers(digits: int) -> None:
    """Nobody stands in the gap, so it holds none of the rounded values either: one hump would have them."""
    random = np.random.default_rng(4)
    ages = np.r_[random.normal(30, 4, 300), random.normal(70, 4, 200)].round(digits)
    alike = random.normal(50, 12, 500).round(digits)

    shown = [gap is not None and gap.shows for gap in (gap_of(each, random) for each in (ages, alike))]

    assert shown == [True, False]


def test_a_state_parts_nobody_and_a_valley_does() -> None:
    """Those with zero lie far from the rest, and whoever lacks a value has a mark; two humps stay as far apart."""
    random = np.random.default_rng(2)
    none, second = random.random(400) < 0.5, random.random(400) < 0.4
    states = np.column_stack([np.where(none, 0.0, random.normal(9, 1, 400)), none * 3.0, random.normal(size=400)])
    humps = np.column_stack([np.where(none, 0.0, random.normal(9, 1, 400)), random.normal(size=400) + 6 * second])

    seen = [least_depth(each, none.astype(np.int64)) for each in (states, without_states(states, states, 0))]
    parted = least_depth(without_states(humps, humps, 0), second.astype(np.int64))

    assert seen[0] >= DEEP
    assert seen[1] < DEEP / 2
    assert parted >= DEEP
