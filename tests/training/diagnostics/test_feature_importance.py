"""The weights of criteria, held against independent libraries and against what is known of the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score

from features.build.log_table import learning_table
from tests.support.worlds import table_case
from training.data.split import split
from training.diagnostics.feature_importance import (
    CRITERIA,
    coefficients,
    components,
    correlations,
    criteria,
    heaviest,
    information,
    ranks,
    standardised,
)
from training.selection.cross_validation import Choice
from training.selection.winner import Learned, fit
from training.task import Task


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    """Three columns, the first telling most of the label, the last nothing; the second with ties and gaps."""
    random = np.random.default_rng(5)
    label = (random.random(900) < 0.3).astype(float)
    some = np.round(random.normal(size=900) + 0.5 * label, 1)
    some[random.random(900) < 0.1] = np.nan
    return np.column_stack([random.normal(size=900) + 2 * label, some, random.normal(size=900)]).astype(
        np.float32
    ), label


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """A booster on a table in which `most` tells most, `some` less, `none` nothing."""
    random = np.random.default_rng(1)
    label = random.random(3000) < 0.3
    table = pl.DataFrame(
        {
            "none": random.normal(size=3000),
            "some": random.normal(size=3000) + 0.6 * label,
            "most": random.normal(size=3000) + 1.6 * label,
            "y": np.where(label, "yes", "no"),
        }
    )
    case = table_case(tmp_path_factory.mktemp("table"), table)
    task = Task(case, learning_table(case), Path("unused"), None, "never")  # type: ignore[arg-type]  # nothing is registered
    return fit(task, split(task.table, seed=task.seed), Choice("xgboost"))


ONCE = np.ones((1, 900))


def test_the_correlation_is_spearman_s(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """By scipy, where nothing is missing."""
    matrix, label = rows

    ours = correlations(ranks(matrix), label, ONCE)[0]

    assert ours[0] == pytest.approx(spearmanr(matrix[:, 0], label).statistic, abs=1e-12)
    assert ours[2] == pytest.approx(spearmanr(matrix[:, 2], label).statistic, abs=1e-12)


def test_information_is_scikit_learn_s(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """On a column whose values are few, gaps being a value of their own."""
    random = np.random.default_rng(0)
    label = rows[1]
    column = (random.integers(0, 4, 900) + label).astype(np.float32)
    column[:90] = np.nan

    ours = information(column[:, None], label, ONCE)[0, 0]

    assert ours == pytest.approx(mutual_info_score(np.nan_to_num(column, nan=99), label), abs=1e-12)


def test_gaps_inform_by_themselves(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """A column of noise that is missing for positives only tells all there is to tell: the label's entropy."""
    label = rows[1]
    column = np.where(label > 0, np.nan, np.random.default_rng(2).normal(size=900)).astype(np.float32)
    rate = label.mean()

    told = information(column[:, None], label, ONCE)[0, 0]

    assert told == pytest.approx(-rate * np.log(rate) - (1 - rate) * np.log(1 - rate), abs=1e-12)


def test_the_coefficient_is_scikit_learn_s(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """Of a ridge logistic regression on standardised columns."""
    plain = standardised(rows[0].astype(np.float64))

    ours, _ = coefficients(plain, rows[1], ONCE)

    theirs = LogisticRegression(C=1.0, tol=1e-10).fit(plain, rows[1])
    assert ours == pytest.approx(theirs.coef_[0], abs=1e-5)


def test_weighing_a_row_twice_is_having_it_twice(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """Draws are weights on rows."""
    matrix, label = rows
    twice = np.r_[np.arange(900), np.arange(300)]
    weights = np.where(np.arange(900) < 300, 2.0, 1.0)[None]
    values = matrix.astype(np.float64)[:, [0, 2]]

    weighted = correlations(values, label, weights)

    assert weighted[0] == pytest.approx(correlations(values[twice], label[twice], np.ones((1, 1200)))[0], abs=1e-12)


def test_loadings_are_correlations_with_the_components(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """By scikit-learn's PCA."""
    plain = standardised(rows[0].astype(np.float64))

    loadings, explained = components(plain)

    pca = PCA(3).fit(plain)
    assert explained == pytest.approx(pca.explained_variance_ratio_, abs=1e-9)
    scores = pca.transform(plain)
    theirs = np.abs(np.corrcoef(plain.T, scores.T)[:3, 3:])
    assert np.abs(loadings) == pytest.approx(theirs, abs=1e-6)


def test_every_criterion_ranks_what_tells_most_first(learned: Learned) -> None:
    """And says that noise is noise."""
    table: dict[str, dict[str, Any]]
    table = {row["feature"]: dict(row) for row in criteria(learned, seed=7)["features"]}

    for criterion in CRITERIA:
        assert [table[name][criterion]["rank"] for name in ("most", "some", "none")] == [1, 2, 3], criterion
        assert table["most"][criterion]["low"] > table["none"][criterion]["high"], criterion


def test_a_value_lies_in_its_interval(learned: Learned) -> None:
    """For every feature and criterion."""
    cells: list[Any] = [dict(row)[name] for row in criteria(learned, seed=7)["features"] for name in CRITERIA]

    assert all(cell["low"] - 0.01 <= cell["value"] <= cell["high"] + 0.01 for cell in cells)


def test_criteria_repeat_by_seed(learned: Learned) -> None:
    """The same seed gives the same table, another one other intervals."""
    assert criteria(learned, seed=7) == criteria(learned, seed=7)
    assert criteria(learned, seed=7) != criteria(learned, seed=8)


def test_the_heaviest_come_first(learned: Learned) -> None:
    """As the report shows them."""
    assert [row["feature"] for row in heaviest(criteria(learned, seed=7))] == ["most", "some", "none"]
