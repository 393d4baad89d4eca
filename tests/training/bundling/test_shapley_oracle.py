"""The booster's contributions are its Shapley values: by the definition, and by another library's code."""

from __future__ import annotations

import numpy as np
import pytest

from features.spec.feature import Feature
from scoring.models.stored_model import parse_model
from training.bundling.shapley_oracle import brute_force, by_shap, dump_trees
from training.fitting.candidates import Boosting, fit_forest, fit_xgboost
from training.fitting.lesson import Fitted, Lesson


@pytest.fixture(scope="module", params=["xgboost", "forest"])
def fitted(request: pytest.FixtureRequest) -> tuple[Fitted, np.ndarray]:
    """A model of six features with gaps, depth at most four, and rows to explain."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(900, 6)).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.15] = np.nan
    odds = np.nan_to_num(matrix[:, 0]) * 2 + np.nan_to_num(matrix[:, 1] * matrix[:, 2]) - 1
    label = (random.random(900) < 1 / (1 + np.exp(-odds))).astype(float)
    names = tuple(Feature(f"f{place}", "number") for place in range(6))
    lesson = Lesson(names, {}, matrix[:700], label[:700], matrix[700:], label[700:])
    fit = fit_xgboost(lesson, 1, Boosting(max_depth=4)) if request.param == "xgboost" else fit_forest(lesson, 1)
    return fit, matrix[:40]


def test_contributions_are_brute_force_shapley_values(fitted: tuple[Fitted, np.ndarray]) -> None:
    """Summed over all subsets with path-dependent expectations, the values are the booster's within 1e-5."""
    model, rows = fitted
    trees = dump_trees(model.files["model.ubj"])

    expected = np.stack([brute_force(trees, row) for row in rows[:3]])

    assert model.model().contributions(rows[:3]) == pytest.approx(expected, abs=1e-5)


def test_contributions_are_those_of_shaps_own_code(fitted: tuple[Fitted, np.ndarray]) -> None:
    """Shap's C code, fed with the dumped trees, gives the booster's values within 1e-5."""
    model, rows = fitted

    assert by_shap(dump_trees(model.files["model.ubj"]), rows) == pytest.approx(
        model.model().contributions(rows), abs=1e-5
    )


def test_a_value_on_a_threshold_goes_right_in_both_readings(fitted: tuple[Fitted, np.ndarray]) -> None:
    """A row made of split values themselves is explained alike: the two libraries read a threshold differently."""
    model, rows = fitted
    trees = dump_trees(model.files["model.ubj"])
    row = rows[:1].copy()
    for place in range(row.shape[1]):
        row[0, place] = next(
            (
                tree.threshold[node]
                for tree in trees
                for node in np.flatnonzero(tree.left >= 0)
                if tree.feature[node] == place
            ),
            0.0,
        )

    assert by_shap(trees, row) == pytest.approx(model.model().contributions(row), abs=1e-5)


def test_the_oracle_notices_a_wrong_value(fitted: tuple[Fitted, np.ndarray]) -> None:
    """A model with one leaf changed no longer agrees: the comparison can fail."""
    model, rows = fitted
    trees = dump_trees(model.files["model.ubj"])
    trees[0].value[int(np.flatnonzero(trees[0].left < 0)[0])] += 100.0

    assert np.abs(by_shap(trees, rows) - parse_model(model.files).contributions(rows)).max() > 1e-3
