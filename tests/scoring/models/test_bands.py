from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.models.bands import (
    Ladder,
    percentile,
    percentile_boundaries,
    published_score,
    published_score_of_one,
)
from scoring.models.calibration import Calibration

probabilities = st.floats(1e-7, 1 - 1e-7)


@given(st.lists(probabilities, min_size=1, max_size=300), st.lists(probabilities, min_size=1, max_size=20))
def test_the_percentile_is_the_definition_to_the_letter(reference: list[float], asked: list[float]) -> None:
    """ceil(100 * share of the reference at or below), at least 1, whatever the ties."""
    boundaries = percentile_boundaries(np.array(reference))

    got = percentile(np.array([*asked, *reference[:5]]), boundaries)

    for value, rank in zip([*asked, *reference[:5]], got.tolist(), strict=True):
        at_or_below = sum(other <= value for other in reference)
        assert rank == max(1, -(-100 * at_or_below // len(reference)))


@given(probabilities)
def test_the_published_score_is_rounded_half_up_and_never_certain(probability: float) -> None:
    """One decimal, 0.1 to 99.9, as decimal arithmetic rounds it."""
    exact = (Decimal(probability) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
    got = float(published_score(np.array([probability]))[0])

    assert 0.1 <= got <= 99.9
    assert got == pytest.approx(float(min(max(exact, Decimal("0.1")), Decimal("99.9"))), abs=1e-9)


@given(st.floats(-800, 800, width=32), st.floats(0.1, 3), st.floats(-5, 5))
def test_one_row_is_published_as_many_are(margin: float, slope: float, offset: float) -> None:
    """Probability, score and band of one margin are those of an array's, to the bit."""
    calibration, ladder = Calibration(slope, offset), Ladder(("low", "medium", "high"), (0.3, 0.6))
    among = calibration.probability(np.array([0.5, margin, -2.0], dtype=np.float32))

    alone = calibration.probability_of_one(margin)

    assert alone == among[1]
    assert published_score_of_one(alone) == published_score(among)[1]
    assert ladder.rung_of_one(alone) == ladder.rungs(among)[1]


@given(st.lists(probabilities, min_size=2, max_size=50))
def test_a_higher_probability_never_lowers_score_percentile_or_band(asked: list[float]) -> None:
    """All three published numbers rise with the probability."""
    ordered = np.sort(np.array(asked))
    ladder = Ladder(("low", "medium", "high"), (0.3, 0.6))
    boundaries = percentile_boundaries(np.linspace(0.01, 0.99, 37))

    for published in (published_score(ordered), percentile(ordered, boundaries), ladder.rungs(ordered)):
        assert (np.diff(published) >= 0).all()


@pytest.mark.parametrize(
    ("codes", "thresholds"),
    [
        (("a", "b"), ()),
        (("a", "b", "c"), (0.7, 0.2)),
        (("a", "b"), (1.0,)),
        (("a", "b"), (0.0,)),
        (("a", "b"), (math.nan,)),
    ],
    ids=["too few", "falling", "one", "zero", "not a number"],
)
def test_a_ladder_that_does_not_rise_is_refused(codes: tuple[str, ...], thresholds: tuple[float, ...]) -> None:
    """Thresholds rise strictly within (0, 1), one fewer than bands."""
    with pytest.raises(ValueError, match=r"(?i)thresholds"):
        Ladder(codes, thresholds)
