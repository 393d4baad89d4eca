"""The dip is Hartigan's; a gap is seen, and steps of rounded numbers are none."""

from __future__ import annotations

import diptest  # type: ignore[import-untyped]
import numpy as np
import pytest

from training.segmentation.margins import dip, gap_of


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
