"""A feature with the distribution it was learned with."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitoring.drift.mapping import mapped_back
from scoring.bundle.reference import Bins


def bins_like(column: np.ndarray, edges: list[float]) -> Bins:
    """Bins whose reference is a column."""
    empty = Bins(np.array(edges), np.zeros(len(edges) + 2, np.int64))
    return Bins(empty.edges, empty.count(column))


@given(st.integers(0, 300), st.floats(0, 0.3))
def test_the_same_distribution_changes_nothing(seed: int, missing: float) -> None:
    """Not one value, missing ones among them."""
    random = np.random.default_rng(seed)
    column = np.where(random.random(200) < missing, np.nan, random.integers(0, 9, 200).astype(float))

    mapped = mapped_back(column, bins_like(column, [1.0, 3.0, 6.0]), seed=1)

    assert np.array_equal(mapped, column, equal_nan=True)


@given(st.integers(0, 300), st.floats(-2, 2), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_shifted_column_gets_its_shares_back(seed: int, shift: float, was: float, now: float) -> None:
    """To a row, whatever is missing more or less often; the order of what is known on both sides is kept."""
    random = np.random.default_rng(seed)
    learned, today = random.normal(0, 1, 400), random.normal(shift, 1, 300)
    learned[random.random(400) < was], today[random.random(300) < now] = np.nan, np.nan
    bins = bins_like(learned, [-1.0, 0.0, 1.0])

    mapped = mapped_back(today, bins, seed=2)

    shares = bins.counts / bins.counts.sum()
    assert np.abs(bins.count(mapped) / 300 - shares).max() <= 2 / 300


@given(st.integers(0, 300))
def test_levels_that_came_too_often_are_resampled(seed: int) -> None:
    """Only so many rows change as must."""
    random = np.random.default_rng(seed)
    counts = random.integers(1, 50, 4)
    today = random.integers(0, 4, 300).astype(float)

    mapped = mapped_back(today, Bins(None, counts), seed=3)

    found, before = (np.bincount(one.astype(int), minlength=4) for one in (mapped, today))
    assert np.abs(found / 300 - counts / counts.sum()).max() <= 1 / 300
    assert int((mapped != today).sum()) == int(np.abs(found - before).sum()) // 2
