"""Linear candidates: what the bundle computes is what scikit-learn fitted, and every term's mean is zero."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from features.spec.feature import MISSING, OTHER, Feature
from scoring.models.additive import LinearModel, NumericTerm
from training.fitting.linear import fit_linear

FEATURES = (
    Feature("spent", "number"),
    Feature("visits", "integer"),
    Feature("kind", "category", levels=("a", "b")),
    Feature("blank", "number"),
)
CODES = {"kind": ["a", OTHER, MISSING, "b"]}


def rows(count: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """A skewed number with gaps, a count, a category, and a column that is always missing."""
    random = np.random.default_rng(0)
    spent = random.lognormal(2, 1.2, count)
    matrix = np.stack([spent, random.poisson(3, count), random.integers(0, 4, count), np.full(count, np.nan)], axis=1)
    matrix[random.random(count) < 0.2, 0] = np.nan
    odds = 0.8 * np.nan_to_num(np.log1p(matrix[:, 0]), nan=3.0) - 2.5 + (matrix[:, 2] == 3)
    return matrix.astype(np.float32), (random.random(count) < 1 / (1 + np.exp(-odds))).astype(float)


def fitted(used: list[str], *, always_log: bool = False) -> LinearModel:
    """A linear model as the bundle would read it."""
    matrix, label = rows()
    return LinearModel.parse(
        msgspec.json.encode(fit_linear(FEATURES, CODES, matrix, label, used=used, always_log=always_log))
    )


def test_margins_are_those_of_the_regression() -> None:
    """The stored terms give the log-odds of scikit-learn's model on the same standardised columns."""
    matrix, label = rows()
    known = np.log1p(matrix[:, 0].astype(float))
    gap = np.isnan(known)
    scaled = np.where(gap, 0, (known - np.nanmean(known)) / np.nanstd(known))
    design = np.stack([scaled, gap.astype(float)], axis=1)
    expected = LogisticRegression(C=1.0, tol=1e-6, max_iter=500).fit(design, label).decision_function(design)

    assert fitted(["spent"]).margin(matrix) == pytest.approx(expected, abs=1e-5)


def test_every_term_averages_to_zero_and_adds_up() -> None:
    """Contributions are centred on the fitting rows, and with the intercept they are the margin."""
    matrix, _ = rows()
    model = fitted(["spent", "visits", "kind", "blank"])

    contributions = model.contributions(matrix)

    assert contributions.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-6)
    assert model.bias() + contributions.sum(axis=1) == pytest.approx(model.margin(matrix), abs=1e-5)


def test_features_that_are_not_used_add_nothing() -> None:
    """Every feature has a term; those left out are zero."""
    matrix, _ = rows()

    contributions = fitted(["visits"]).contributions(matrix)

    assert np.abs(contributions[:, [0, 2, 3]]).max() == 0
    assert np.abs(contributions[:, 1]).max() > 0


def test_columns_that_say_the_same_do_not_oppose_one_another() -> None:
    """Two windows over the same purchases share their weight, more evenly than under a weak penalty."""
    rng = np.random.default_rng(3)
    long = rng.poisson(6, 400).astype(np.float64)
    matrix = np.stack([long, long + (rng.random(400) < 0.05)], axis=1).astype(np.float32)
    label = (rng.random(400) < 1 / (1 + np.exp(3 - 0.4 * long))).astype(np.float64)
    features = (Feature("purchases_365d", "integer", lower=0), Feature("purchases_total", "integer", lower=0))
    used = [feature.name for feature in features]

    apart, shared = (
        [
            term.coefficient
            for term in fit_linear(features, {}, matrix, label, used=used, overlapping=strong)["terms"]
            if isinstance(term, NumericTerm)
        ]
        for strong in (False, True)
    )

    assert abs(shared[0] - shared[1]) < 0.5 * abs(apart[0] - apart[1])
    assert min(shared) > 0
