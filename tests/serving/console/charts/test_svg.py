"""Axes and histograms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.console.charts.svg import histogram, round_steps


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9))
def test_ticks_are_few_and_inside(low: float, spread: float) -> None:
    """At most six, rising, within the axis."""
    steps = round_steps(low, low + spread)

    assert 1 <= len(steps) <= 6
    assert steps == sorted(steps)
    assert all(low - spread * 1e-6 <= step <= low + spread * (1 + 1e-6) for step in steps)


@given(st.lists(st.floats(0, 1), min_size=99, max_size=99))
def test_a_histogram_counts_everyone(boundaries: list[float]) -> None:
    """Its shares add up to one."""
    assert sum(bar.share for bar in histogram(sorted(boundaries))) == pytest.approx(1)
