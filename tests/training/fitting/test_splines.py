"""Additive candidates: terms bend where the outcome does, stay straight where it does not, and average to zero."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from features.spec.feature import MISSING, OTHER, Feature
from scoring.models.additive import LinearModel, SplineTerm
from training.fitting.linear import fit_linear
from training.fitting.splines import BENDS, SHARED_BY, fit_splines

FEATURES = (
    Feature("age", "number"),
    Feature("visits", "integer"),
    Feature("kind", "category", levels=("a",)),
    Feature("blank", "number"),
    Feature("member", "boolean"),
)
CODES = {"kind": ["a", OTHER, MISSING]}
USED = [feature.name for feature in FEATURES]


def rows(count: int = 1500) -> tuple[np.ndarray, np.ndarray]:
    """An outcome that rises with age up to 50 and falls beyond it, and gaps in age."""
    random = np.random.default_rng(1)
    age = random.uniform(20, 80, count)
    columns = [age, random.poisson(4, count), random.integers(0, 3, count), np.full(count, np.nan)]
    matrix = np.stack([*columns, random.random(count) < 0.3], axis=1)
    odds = 2 - 0.2 * np.abs(age - 50) + 0.5 * (matrix[:, 2] == 1)
    matrix[random.random(count) < 0.1, 0] = np.nan
    return matrix.astype(np.float32), (random.random(count) < 1 / (1 + np.exp(-odds))).astype(float)


def fitted(bend: float = 10.0, used: list[str] = USED) -> LinearModel:
    """An additive model as the bundle would read it."""
    matrix, label = rows()
    document = fit_splines(FEATURES, CODES, matrix, label, used=used, bend=bend)
    return LinearModel.parse(msgspec.json.encode(document))


def test_every_term_averages_to_zero_and_adds_up() -> None:
    """Contributions are centred on the fitting rows, gaps with them, and with the intercept they are the margin."""
    matrix, _ = rows()
    model = fitted()

    contributions = model.contributions(matrix)

    assert contributions.mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-6)
    assert model.bias() + contributions.sum(axis=1) == pytest.approx(model.margin(matrix), abs=1e-5)


def test_margins_are_those_of_the_regression() -> None:
    """The stored knots and heights give the log-odds of scikit-learn's model on the same hinges."""
    matrix, label = rows()
    term = fitted(used=["visits"]).terms[1]
    assert isinstance(term, SplineTerm)
    visits = matrix[:, 1].astype(float)
    centre, spread = visits.mean(), visits.std()
    column = np.clip(visits, term.knots[0], term.knots[-1])
    hinges = 10.0 * np.maximum(column[:, None] - np.array(term.knots[1:-1]), 0) / spread
    design = np.column_stack([(column - centre) / spread, hinges])
    expected = LogisticRegression(C=1.0, tol=1e-8, max_iter=2000).fit(design, label).decision_function(design)

    assert fitted(used=["visits"]).margin(matrix) == pytest.approx(expected, abs=2e-3)


def test_a_term_bends_where_the_outcome_does() -> None:
    """The chance rises to 50 and falls again, which no straight term can say; the penalty keeps a stiff one nearer."""
    matrix, label = rows()
    ages = np.array([[25, 0, 0, np.nan, 0], [50, 0, 0, np.nan, 0], [75, 0, 0, np.nan, 0]], dtype=np.float32)

    young, middle, old = fitted().contributions(ages)[:, 0]
    stiff = fitted(BENDS[0]).contributions(ages)[:, 0]
    line = LinearModel.parse(msgspec.json.encode(fit_linear(FEATURES, CODES, matrix, label, used=USED)))

    assert middle > max(young, old) + 3
    assert 0 < stiff[1] - max(stiff[0], stiff[2]) < middle - max(young, old)
    assert np.ptp(line.contributions(ages)[:, 0]) < 1


def test_no_knot_is_a_value_that_few_rows_reach() -> None:
    """Ten rows at least lie at either end or beyond it, where the term is level."""
    matrix, _ = rows()
    far = np.array([[1e6, 0, 0, np.nan, 0], [-1e6, 0, 0, np.nan, 0]], dtype=np.float32)
    model = fitted()

    term = model.terms[0]

    assert isinstance(term, SplineTerm)
    age = np.sort(matrix[~np.isnan(matrix[:, 0]), 0])
    assert term.knots[0] == pytest.approx(age[SHARED_BY - 1])
    assert term.knots[-1] == pytest.approx(age[-SHARED_BY])
    assert model.contributions(far)[:, 0] == pytest.approx([term.values[-1], term.values[0]])


def test_numbers_of_two_values_or_none_do_not_bend() -> None:
    """A boolean and a column that is always missing; features that are not used add nothing."""
    matrix, _ = rows()
    model = fitted(used=["member", "blank"])

    contributions = model.contributions(matrix)

    assert np.abs(contributions[:, [0, 1, 2, 3]]).max() == pytest.approx(0, abs=1e-9)
    assert len(np.unique(contributions[:, 4])) == 2
    assert isinstance(model.terms[4], SplineTerm)
    assert len(model.terms[4].knots) == 2
