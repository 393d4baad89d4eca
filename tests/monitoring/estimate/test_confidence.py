"""Estimates before the outcome, against figures that others published and against simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from monitoring.estimate.confidence import Recalibration, auc_error, expected_auc

CAR_LOAN = Path(__file__).with_name("car_loan.csv")
# NannyML 0.13.1, `estimated_roc_auc` of its quickstart, chunk by chunk of the analysis; first and last as published.
PUBLISHED = {0: 0.970744, 9: 0.961316}


@pytest.fixture(scope="module")
def car_loan() -> pl.DataFrame:
    """Its reference and ten chunks, counted."""
    return pl.read_csv(CAR_LOAN, comment_prefix="#")


@pytest.mark.parametrize(("chunk", "published"), PUBLISHED.items())
def test_the_published_estimates_come_out(car_loan: pl.DataFrame, chunk: int, published: float) -> None:
    """To 1e-5, on the same rows."""
    at, repaid, rows = (car_loan[name].to_numpy().astype(np.float64) for name in ("probability", "repaid", "rows"))
    met = rows > 0
    recalibrated = Recalibration.of(at[met], repaid[met], rows[met])

    probability = np.repeat(at, car_loan[f"chunk_{chunk}"].to_numpy())

    assert expected_auc(probability, recalibrated(probability)) == pytest.approx(published, abs=1e-5)


@given(st.integers(0, 1000), st.integers(10, 400))
def test_recalibration_is_scikit_learns(seed: int, rows: int) -> None:
    """Isotonic regression of rows with ties, between them and beyond."""
    random = np.random.default_rng(seed)
    probability, label = random.integers(1, 40, rows) / 40, random.integers(0, 2, rows).astype(np.float64)
    asked = random.random(50)

    found = Recalibration.of(probability, label, np.ones(rows))(asked)

    theirs = IsotonicRegression(out_of_bounds="clip").fit(probability, label).predict(asked)
    assert found == pytest.approx(theirs, abs=1e-9)


def test_calibrated_probabilities_give_the_area_that_comes() -> None:
    """Within its standard error of outcomes drawn from the probabilities themselves."""
    random = np.random.default_rng(3)
    probability = random.beta(1, 4, 20_000)
    label = (random.random(20_000) < probability).astype(int)

    found = expected_auc(probability, probability)

    assert found is not None
    error = auc_error(found, float(label.sum()), float((1 - label).sum()))
    assert abs(found - roc_auc_score(label, probability)) < 3 * error


def test_one_class_has_no_area() -> None:
    """None, and never a NaN."""
    assert expected_auc(np.array([0.2, 0.9]), np.array([1.0, 1.0])) is None
