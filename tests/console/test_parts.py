"""The console's small parts, and the planner's arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.planner import Curve, Wish, best, cut
from serving.console.charts import histogram, round_steps
from serving.console.plan import plan
from serving.console.words import Words
from training.curves import curves


def some_curve(seed: int, rows: int = 3000) -> Curve:
    """The curve of a population whose probabilities are true."""
    rng = np.random.default_rng(seed)
    probability = np.clip(rng.beta(1, 5, rows).round(4), 1e-4, 1 - 1e-4)
    label = (rng.random(rows) < probability).astype(int)
    return Curve.of(curves(label, {"model": probability})["candidates"]["model"])


@given(st.integers(0, 30), st.integers(1, 3000), st.floats(0.05, 0.9))
def test_a_plan_keeps_what_was_asked(seed: int, capacity: int, precision: float) -> None:
    """No cut exceeds the capacity or falls below the precision, and none that keeps both is larger."""
    curve = some_curve(seed)
    wish = Wish(capacity=capacity, precision=precision)
    at = best(curve, wish, 3000)
    fits = (curve.rows <= capacity) & (curve.precision >= precision)

    assert (at is None) == (not fits.any())
    if at is not None:
        assert at == np.flatnonzero(fits)[-1]
        told = cut(curve, at, wish, 3000)
        assert told.hits_low <= told.hits <= told.hits_high <= told.size <= capacity


def test_the_most_profitable_cut_is_chosen() -> None:
    """With true probabilities it lies where a hit's value times the probability is the cost."""
    at = best(some_curve(1, 60_000), Wish(cost=1.0, value=5.0), 60_000)

    assert at is not None
    assert some_curve(1, 60_000).at[at] == pytest.approx(0.2, abs=0.05)


def test_intervals_hold_the_hits_of_other_customers() -> None:
    """On 200 pairs of populations the 90% interval holds the hits of the second 84 to 96 times in 100."""
    held = []
    for seed in range(200):
        curve, other = some_curve(seed), some_curve(1000 + seed)
        told = cut(curve, len(curve.at) // 2, Wish(), 3000)
        hits = np.interp(told.at, other.at[::-1], other.hits[::-1])
        held.append(
            told.hits_low <= hits * told.size / np.interp(told.at, other.at[::-1], other.rows[::-1]) <= told.hits_high
        )

    assert 0.84 <= np.mean(held) <= 0.96


@pytest.mark.parametrize("text", ["abc", "-1", "0", "1e99", "nan", "2.5"])
def test_a_form_that_makes_no_sense_is_told_so(text: str) -> None:
    """A sentence that names the field, and no plan."""
    told = plan(some_curve(1), {"capacity": text}, Words("fr"))

    assert told.chosen is None
    assert "Capacité" in told.broken[0]


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


def test_numbers_follow_the_language() -> None:
    """French decimals, blanks and dates; a minus that is one; no sign on what shows as zero."""
    french, english = Words("fr"), Words("en")

    assert (english.percent(0.62, 0), french.percent(0.62, 0)) == ("62%", "62\u202f%")
    assert (english.signed(-1.234), french.signed(0.5)) == ("\u22121.23", "+0,50")
    assert english.signed(-0.001) == "0.00"
    assert french.date("1998-04-02") == "2 avril 1998"
    assert french.between(1, 2, 1) == "[1,0\u202f; 2,0]"
