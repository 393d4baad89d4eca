from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from scoring.models import bulk_shapley as module
from scoring.models.bulk_shapley import BulkShapley, bulk_shapley
from scoring.models.leaf_groups import BITS, LeafGroups
from scoring.models.shapley import Shapley
from scoring.models.trees import Trees
from tests.scoring.models.test_trees import fitted, trees_of
from training.bundling.shapley_oracle import brute_force, dump_trees

KINDS: dict[str, dict[str, Any]] = {
    "boosted": {"max_depth": 6, "eta": 0.1},
    "stumps": {"max_depth": 1},
    "forest": {"num_parallel_tree": 30, "subsample": 0.6, "colsample_bynode": 0.5, "eta": 1.0, "max_depth": 8},
    "leafwise": {"grow_policy": "lossguide", "max_leaves": 20, "max_depth": 0},
    "pruned to single leaves": {"gamma": 30.0, "max_depth": 4},
    "tall values": {"max_depth": 5, "eta": 8.0, "lambda": 0.0},
}


def categories(seed: int = 0) -> tuple[bytes, np.ndarray]:
    """Rows of ordered codes beside numbers with missing values, and a booster on them."""
    rng = np.random.default_rng(seed)
    rows = np.stack([rng.integers(0, 12, 800), rng.integers(0, 3, 800), rng.normal(size=800)], axis=1)
    rows[rng.random(800) < 0.2, 2] = np.nan
    outcome = rng.random(800) < np.where(rows[:, 0] % 3 == 1, 0.8, 0.2) + 0.1 * (rows[:, 1] == 2)
    data = xgboost.DMatrix(rows.astype(np.float32), outcome.astype(float))
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 5}, data, 30)
    return bytes(booster.save_raw("ubj")), rows.astype(np.float32)


@pytest.fixture(scope="module", params=[*KINDS, "categories"])
def trees_and_rows(request: pytest.FixtureRequest) -> tuple[Trees, np.ndarray]:
    """Forests of every kind, and rows with missing values, on thresholds and far away."""
    stored, rows = categories() if request.param == "categories" else fitted(**KINDS[request.param])
    trees = trees_of(stored)
    far = np.full((2, trees.width), [[np.inf], [-np.inf]], dtype=np.float32)
    return trees, np.concatenate([rows, trees.edge_cases(300), far, np.full((1, trees.width), np.nan, np.float32)])


def test_bulk_is_the_plain_way_within_its_stated_error(trees_and_rows: tuple[Trees, np.ndarray]) -> None:
    """And that is far below 1e-8."""
    trees, rows = trees_and_rows
    bulk = BulkShapley(trees, LeafGroups(trees))

    apart = np.abs(bulk.contributions(rows) - Shapley(trees).contributions(rows)).max()

    assert apart <= bulk.error / 2
    assert apart < 1e-8


def test_bulk_values_add_up_to_the_margin(trees_and_rows: tuple[Trees, np.ndarray]) -> None:
    """What all features add differs between rows as the margin does."""
    trees, rows = trees_and_rows

    sums = BulkShapley(trees, LeafGroups(trees)).contributions(rows).sum(axis=1)

    margin = trees.margin(rows).astype(np.float64)
    assert sums - sums[0] == pytest.approx(margin - margin[0], abs=1e-5 * max(1.0, np.abs(margin).max()))


@pytest.mark.parametrize("block", [1, 7, 512, 1201, 5000])
def test_a_row_has_the_same_bits_in_every_block(trees_and_rows: tuple[Trees, np.ndarray], block: int) -> None:
    """Alone, at a block's edges, and whatever stands beside it."""
    trees, rows = trees_and_rows
    bulk = BulkShapley(trees, LeafGroups(trees))
    together = bulk.contributions(rows)

    assert np.array_equal(bulk.contributions(rows, block=block), together)
    assert np.array_equal(bulk.contributions(rows[3:4]), together[3:4])
    assert np.array_equal(bulk.contributions(np.asfortranarray(rows)), together)
    assert bulk.contributions(rows[:0]).shape == (0, trees.width)


def test_threads_share_the_tables(trees_and_rows: tuple[Trees, np.ndarray]) -> None:
    """Eight at once give the bits of one."""
    trees, rows = trees_and_rows
    bulk = BulkShapley(trees, LeafGroups(trees))
    together = bulk.contributions(rows)

    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(bulk.contributions, np.array_split(rows, 40)))

    assert np.array_equal(np.concatenate(parts), together)


def adding_up(cover: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Covers of which a split's are those of its sides added up: xgboost rounds each to float32."""
    cover = cover.copy()
    for node in range(len(cover) - 1, -1, -1):  # sides come after their split
        if left[node] not in (-1, node):
            cover[node] = cover[left[node]] + cover[right[node]]
    return cover


def test_bulk_values_are_brute_force_shapley_values() -> None:
    """Summed over all subsets of the features, by the definition, within 1e-8."""
    for stored, rows in (fitted(rounds=8, max_depth=5), categories()):
        trees = trees_of(stored)
        trees = replace(trees, cover=adding_up(trees.cover, *trees.children.T))
        dumped = tuple(replace(tree, cover=adding_up(tree.cover, tree.left, tree.right)) for tree in dump_trees(stored))

        expected = np.stack([brute_force(dumped, row) for row in rows[:12]])

        assert BulkShapley(trees, LeafGroups(trees)).contributions(rows[:12]) == pytest.approx(expected, abs=1e-8)


def wide(depth: int) -> Trees:
    """A booster whose ways ask for many features."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 20)).astype(np.float32)
    data = xgboost.DMatrix(rows, (rows.sum(axis=1) + rng.normal(size=4000) > 0).astype(float))
    return trees_of(
        bytes(xgboost.train({"objective": "binary:logistic", "max_depth": depth}, data, 10).save_raw("ubj"))
    )


def test_eight_features_on_a_way_have_tables_and_nine_have_none() -> None:
    """A pattern is a byte; deeper forests keep the plain way."""
    assert isinstance(bulk_shapley(wide(BITS), 10**9), BulkShapley)
    assert bulk_shapley(wide(BITS + 4), 10**9) is None


def test_few_rows_and_large_tables_keep_the_plain_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tables would not pay, or would not fit."""
    trees = wide(6)

    assert bulk_shapley(trees, 20) is None
    monkeypatch.setattr(module, "CELLS", 1000)
    assert bulk_shapley(trees, 10**9) is None


def test_without_numba_the_plain_way_answers() -> None:
    """As in a bento, which has none; and a process that asks for few rows never imports it."""
    program = (
        "import sys; from scoring.models.model import TreeModel; from tests.scoring.models.test_trees import fitted;"
        "stored, rows = fitted(); model = TreeModel(stored);"
        "assert model.contributions_in_bulk(rows[:5]) is None; model.contributions(rows);"
        "assert 'numba' not in sys.modules;"
        "sys.modules['numba'] = None; model._asked = 10**9;"
        "assert model.contributions_in_bulk(rows) is None"
    )

    subprocess.run([sys.executable, "-c", program], check=True)


def test_compiled_code_is_kept_only_where_the_environment_says(tmp_path: Path) -> None:
    """In the folder of NUMBA_CACHE_DIR, where it can be written; never beside the source."""
    cached = tmp_path / "cache"
    cached.mkdir()
    beside = Path(module.__file__).parent / "__pycache__"
    for folder in (str(cached), str(tmp_path / "none"), ""):
        program = "import scoring.models.bulk_kernel"
        subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "NUMBA_CACHE_DIR": folder})

    assert list(cached.rglob("*.nbi"))
    assert not (tmp_path / "none").exists()
    assert not list(beside.glob("bulk_kernel*.nb*"))
