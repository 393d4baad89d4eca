"""Filled gaps: serving fills what scikit-learn would, each row by itself, and no customer travels in the bundle."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 opens the import below
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.linear_model import LogisticRegression

from features.spec.feature import Feature
from scoring.models.additive import LinearModel
from scoring.models.imputation import NEAREST, Filled, Imputation
from training.fitting.imputation import learn_imputation
from training.fitting.linear import fit_linear

KINDS: tuple[Filled, ...] = get_args(Filled)
FEATURES = tuple(Feature(name, "number") for name in ("spent", "visits", "age", "known"))


def rows(count: int = 1500) -> np.ndarray:
    """Four numbers that say much of each other, the first three with gaps, one of them skewed."""
    rng = np.random.default_rng(5)
    latent = rng.normal(size=count)
    numbers = np.stack([latent + rng.normal(scale=0.4, size=count) for _ in range(4)], axis=1)
    numbers[:, 0] = np.exp(numbers[:, 0])
    gaps = rng.random(numbers.shape) < (0.3, 0.2, 0.1, 0.0)
    return np.where(gaps, np.nan, numbers)


def filler(kind: Filled, known: np.ndarray) -> Imputation:
    """What serving would read of what was learned from standardised rows."""
    width = known.shape[1]
    learned = learn_imputation(kind, known, seed=0)
    return Imputation.parse(
        {"places": list(range(width)), "centres": [0.0] * width, "spreads": [1.0] * width, **learned}
    )


def standardised(matrix: np.ndarray) -> np.ndarray:
    """Mean 0 and spread 1 in what is known."""
    return np.asarray((matrix - np.nanmean(matrix, axis=0)) / np.nanstd(matrix, axis=0))


@cache
def wide() -> list[Imputation]:
    """Every kind, learned from nineteen columns."""
    matrix = standardised(np.hstack([rows()] * 5)[:, :19] + rows(1500)[:, 3:] / 3)
    return [filler(kind, matrix) for kind in KINDS]


def model(kind: Filled) -> tuple[LinearModel, np.ndarray, np.ndarray]:
    """A linear model as a bundle holds it, with the rows and outcomes it was fitted on."""
    matrix = rows().astype(np.float32)
    odds = np.nan_to_num(standardised(matrix)).sum(axis=1) - 0.5
    label = (np.random.default_rng(6).random(len(matrix)) < 1 / (1 + np.exp(-odds))).astype(float)
    names = [feature.name for feature in FEATURES]
    document = fit_linear(FEATURES, {}, matrix, label, used=names, gaps=kind)
    return LinearModel.parse(msgspec.json.encode(document)), matrix, label


def test_regressions_settle_where_those_of_scikit_learn_do() -> None:
    """Its iterative imputer, run until it settles, fills the same values."""
    known = standardised(rows())
    low, high = np.nanmin(known, axis=0), np.nanmax(known, axis=0)
    imputer = IterativeImputer(max_iter=100, tol=1e-4, min_value=low, max_value=high, random_state=0)

    assert filler("regression", known).fill(known) == pytest.approx(imputer.fit_transform(known), abs=2e-3)


def test_neighbours_are_those_of_scikit_learn_among_the_groups() -> None:
    """Its imputer by nearest neighbours, fitted on the groups, fills the same values."""
    known = standardised(rows())
    groups = np.asarray(learn_imputation("neighbours", known, seed=0)["groups"])

    expected = KNNImputer(n_neighbors=NEAREST).fit(groups).transform(known)

    assert filler("neighbours", known).fill(known) == pytest.approx(expected, abs=1e-9)


def test_a_median_is_the_median() -> None:
    """What is known stays, what is not becomes its column's median."""
    known = standardised(rows())

    assert filler("median", known).fill(known) == pytest.approx(
        np.where(np.isnan(known), np.nanmedian(known, axis=0), known)
    )


@given(arrays(np.float64, (40, 19), elements=st.floats(-1e3, 1e3) | st.just(np.nan)))
def test_a_row_is_filled_alike_alone_and_among_others(matrix: np.ndarray) -> None:
    """One row and a batch give the same bits, whatever is missing, and everything is filled."""
    for gaps in wide():
        filled = gaps.fill(matrix)

        assert np.array_equal(filled, np.concatenate([gaps.fill(row[None]) for row in matrix]))
        assert np.array_equal(filled[7:19], gaps.fill(np.asfortranarray(matrix[7:19])))
        assert np.isfinite(filled).all()


@pytest.mark.parametrize("kind", KINDS)
def test_terms_average_to_zero_and_add_up(kind: Filled) -> None:
    """A filled gap has its feature's term: they are centred on the fitting rows and add up to the margin."""
    served, matrix, _ = model(kind)
    contributions = served.contributions(matrix)

    assert contributions.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-6)
    assert served.bias() + contributions.sum(axis=1) == pytest.approx(served.margin(matrix), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_margins_are_those_of_a_regression_on_filled_rows(kind: Filled) -> None:
    """Filling, then scikit-learn's logistic regression, gives the same log-odds."""
    served, matrix, label = model(kind)
    read = np.stack([np.log1p(matrix[:, 0].astype(float)), *matrix[:, 1:].T.astype(float)], axis=1)
    design = standardised(read)
    design = filler(kind, design).fill(design)

    expected = LogisticRegression(C=1.0, tol=1e-6, max_iter=500).fit(design, label).decision_function(design)

    assert served.margin(matrix) == pytest.approx(expected, abs=1e-4)


def test_no_group_tells_of_one_customer() -> None:
    """A value that few rows know stands in no group, and a group has ten rows or more."""
    known = standardised(rows(4000))
    known[:, 1] = np.nan
    known[:9, 1] = 0.5
    groups = np.asarray(learn_imputation("neighbours", known, seed=0)["groups"])

    assert groups[:, 1] == pytest.approx(np.zeros(len(groups)))
    assert len(groups) * 10 <= len(known)
    assert not any((np.abs(known - group) < 1e-9).all(axis=1).any() for group in groups)


@pytest.mark.parametrize("kind", KINDS)
def test_odd_columns_are_filled_too(kind: Filled) -> None:
    """A column that is always missing, one that never varies, one alone, and a handful of rows."""
    blank, flat = np.full((12, 1), np.nan), np.zeros((12, 1))
    for known in (np.hstack([blank, flat, np.arange(12.0)[:, None]]), blank, np.array([[np.nan], [1.0]])):
        assert np.isfinite(filler(kind, known).fill(known)).all()


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "mode"},
        {"kind": "median", "values": [0.0]},
        {"kind": "neighbours", "groups": [[0.0], [1.0]]},
        {"kind": "regression", "low": [0.0, 0.0], "high": [1.0], "steps": []},
        {"kind": "regression", "low": [0.0, 0.0], "high": [1.0, 1.0], "steps": [[0, 1.0, [1.0]]]},
        {"kind": "regression", "low": [0.0, 0.0], "high": [1.0, 1.0], "steps": [[2, 1.0, [1.0, 1.0]]]},
        {"kind": "median", "values": [0.0, float("nan")]},
    ],
)
def test_what_does_not_fit_is_refused(broken: Any) -> None:
    """A kind that is unknown, a list of another length, a place that is not there."""
    gaps: Any = {"places": [0, 1], "centres": [0.0, 0.0], "spreads": [1.0, 1.0], **broken}

    with pytest.raises(ValueError, match="gaps"):
        Imputation.parse(gaps)
