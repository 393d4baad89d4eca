"""The interval of a calibration error: it holds its figure, and does not make chance an error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.calibration_error import calibration_error_interval, nearest


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.02), st.floats(1e-4, 0.02))
@settings(max_examples=60, deadline=None)
def test_the_interval_holds_its_figure(seed: int, error: float, spread: float) -> None:
    """Whatever the excesses and their noise."""
    random = np.random.default_rng(seed)
    excess = random.normal(0, error, 10) + random.normal(0, spread, 10)

    low, high = calibration_error_interval(excess, excess + random.normal(0, spread, (100, 10)))

    assert 0 <= low <= np.abs(excess).sum() <= high


def test_chance_alone_begins_at_zero() -> None:
    """Of 1,000 figures that noise alone made 95% begin at 0, no more; an error ten times the noise does not."""
    random = np.random.default_rng(1)
    noise = [random.normal(0, 0.01, 10) for _ in range(1000)]

    begins = [calibration_error_interval(one, one + random.normal(0, 0.01, (200, 10)))[0] == 0 for one in noise]
    sure, _ = calibration_error_interval(np.full(10, 0.1), 0.1 + random.normal(0, 0.01, (200, 10)))

    assert 0.93 <= np.mean(begins) <= 0.97
    assert sure > 0.8


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_nearest_excesses_have_the_error_asked(seed: int, error: float) -> None:
    """No step from them that keeps the error brings them nearer; signs stay."""
    random = np.random.default_rng(seed)
    excess = random.normal(0, 0.05, 10)

    found = nearest(excess, error)

    size = np.abs(random.normal(0, 1, (200, 10)))
    others = np.sign(excess) * size / size.sum(axis=1, keepdims=True) * error
    assert np.abs(found).sum() == pytest.approx(error, abs=1e-12)
    assert np.all(found * excess >= 0)
    assert np.square(found - excess).sum() <= np.square(others - excess).sum(axis=1).min() + 1e-12
