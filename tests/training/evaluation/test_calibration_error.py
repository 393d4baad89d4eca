"""The interval of a calibration error: it holds its figure, and does not make chance an error."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.calibration_error import calibration_error_interval


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.02), st.floats(1e-4, 0.02))
@settings(max_examples=60, deadline=None)
def test_the_interval_holds_its_figure(seed: int, error: float, spread: float) -> None:
    """Whatever the excesses and their noise."""
    random = np.random.default_rng(seed)
    excess = random.normal(0, error, 10) + random.normal(0, spread, 10)

    low, high = calibration_error_interval(excess, excess + random.normal(0, spread, (100, 10)))

    assert 0 <= low <= np.abs(excess).sum() <= high


def test_chance_alone_begins_at_zero() -> None:
    """Of 200 figures that noise alone made, about 95% begin at 0; an error ten times the noise does not."""
    random = np.random.default_rng(1)
    noise = [random.normal(0, 0.01, 10) for _ in range(200)]

    begins = [calibration_error_interval(one, one + random.normal(0, 0.01, (200, 10)))[0] == 0 for one in noise]
    sure, _ = calibration_error_interval(np.full(10, 0.1), 0.1 + random.normal(0, 0.01, (200, 10)))

    assert np.mean(begins) >= 0.93
    assert sure > 0.8
