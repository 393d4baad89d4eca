from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xgboost

from scoring.models.model import FEW, TreeModel
from scoring.models.shapley import Shapley
from scoring.models.trees import Trees, read_trees

KINDS: dict[str, dict[str, Any]] = {
    "boosted": {"max_depth": 6, "eta": 0.1},
    "stumps": {"max_depth": 1},
    "deep": {"max_depth": 9, "min_child_weight": 0.1},
    "leafwise": {"grow_policy": "lossguide", "max_leaves": 20, "max_depth": 0},
    "forest": {"num_parallel_tree": 30, "subsample": 0.6, "colsample_bynode": 0.5, "eta": 1.0, "max_depth": 7},
    "weighted": {"scale_pos_weight": 7.3, "base_score": 0.013},
}


def fitted(seed: int = 0, rounds: int = 40, **parameters: Any) -> tuple[bytes, np.ndarray]:
    """A booster over whole numbers, fractions and gaps, and the rows it was fitted on."""
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.integers(0, 9, 900), rng.gamma(2, 60, 900), rng.normal(0, 1e-3, 900), rng.random(900)], axis=1)
    rows = np.where(rng.random(rows.shape) < 0.15, np.nan, rows).astype(np.float32)
    odds = np.nan_to_num(rows[:, 0], nan=4.0) - 4 + (np.nan_to_num(rows[:, 1]) > 90) * np.nan_to_num(rows[:, 3], nan=2)
    outcome = rng.random(900) < 1 / (1 + np.exp(-odds))
    rounds = 1 if "num_parallel_tree" in parameters else rounds
    booster = xgboost.train(
        {"objective": "binary:logistic", "seed": seed, **parameters},
        xgboost.DMatrix(rows, outcome.astype(float)),
        rounds,
    )
    return bytes(booster.save_raw("ubj")), rows


@pytest.fixture(scope="module", params=KINDS, ids=list(KINDS))
def stored_and_rows(request: pytest.FixtureRequest) -> tuple[bytes, np.ndarray]:
    """Every kind of booster that training may choose, and others."""
    return fitted(**KINDS[request.param])


def booster_of(stored: bytes) -> xgboost.Booster:
    """The booster in a bundle's file."""
    return xgboost.Booster(model_file=bytearray(stored))


def trees_of(stored: bytes) -> Trees:
    """The trees in a bundle's file."""
    trees = read_trees(bytes(booster_of(stored).save_raw("json")))
    assert trees is not None
    return trees


def test_the_walk_gives_the_bits_of_xgboost(stored_and_rows: tuple[bytes, np.ndarray]) -> None:
    """On every fitting row and on rows made to show a difference, missing values among them, to the last bit."""
    stored, rows = stored_and_rows
    trees = trees_of(stored)

    for matrix in (rows, trees.edge_cases(2000), np.full((1, 4), np.nan, dtype=np.float32)):
        assert np.array_equal(trees.margin(matrix), booster_of(stored).inplace_predict(matrix, predict_type="margin"))


def test_few_rows_and_many_agree_to_the_bit(stored_and_rows: tuple[bytes, np.ndarray]) -> None:
    """Whichever way a row is scored, and whatever rows are scored with it."""
    stored, rows = stored_and_rows
    model = TreeModel(stored)
    together, why = model.margin(rows), model.contributions(rows)

    for size in (1, FEW, FEW + 1):
        parts = range(0, 5 * size, size)
        margins = [model.margin(rows[at : at + size]) for at in parts]
        contributions = [model.contributions(rows[at : at + size]) for at in parts]
        assert np.array_equal(np.concatenate(margins), together[: 5 * size])
        assert np.array_equal(np.concatenate(contributions), why[: 5 * size])


def test_contributions_are_those_of_tree_shap(stored_and_rows: tuple[bytes, np.ndarray]) -> None:
    """Within the rounding of xgboost's own, and with its bias they add up to the margin."""
    stored, rows = stored_and_rows
    theirs = booster_of(stored).predict(xgboost.DMatrix(rows), pred_contribs=True)
    model = TreeModel(stored)

    ours = model.contributions(rows)

    assert ours == pytest.approx(theirs[:, :-1], abs=2e-5)
    assert ours.sum(axis=1) + model.bias() == pytest.approx(model.margin(rows), abs=2e-5)


def test_a_feature_asked_for_again_on_a_way_counts_once() -> None:
    """One feature alone: all it adds is the margin less the expected one, however often it was asked for."""
    rng = np.random.default_rng(1)
    rows = rng.normal(0, 1, (500, 1)).astype(np.float32)
    data = xgboost.DMatrix(rows, (np.sin(5 * rows[:, 0]) > 0).astype(float))
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 8}, data, 5)
    trees = trees_of(bytes(booster.save_raw("ubj")))

    contributions = Shapley(trees).contributions(rows)[:, 0]

    margin = trees.margin(rows)
    assert contributions - contributions[0] == pytest.approx(margin - margin[0], abs=1e-5)


@pytest.mark.parametrize("kind", ["dart", "no split", "categories"])
def test_a_booster_that_is_not_plain_trees_is_left_to_xgboost(kind: str) -> None:
    """Its margins and contributions are xgboost's own."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 5, (300, 2)).astype(np.float32)
    outcome = (rows[:, 0] > 2) if kind != "no split" else np.ones(300)
    types = ["c", "float"] if kind == "categories" else None
    data = xgboost.DMatrix(rows, outcome.astype(float), feature_types=types, enable_categorical=True)
    extra = {"booster": "dart", "rate_drop": 0.5} if kind == "dart" else {"max_cat_to_onehot": 2}
    booster = xgboost.train({"objective": "binary:logistic", **extra}, data, 5)
    model = TreeModel(bytes(booster.save_raw("ubj")))

    assert np.array_equal(model.margin(rows[:3]), booster.predict(data, output_margin=True)[:3])
    theirs = booster.predict(data, pred_contribs=True)[:3, :-1]
    assert np.array_equal(model.contributions(rows[:3]), theirs.astype(np.float64))
