"""What `make compare` says of models: paired differences, Holm's correction, the value of a plan, and its folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_1samp

from benchmarks.compare.__main__ import faults, report
from benchmarks.compare.competitors import predicted
from benchmarks.compare.figures import CAPACITY, COST, SAVE_RATE, VALUE, Difference, Figures, holm, net_values
from benchmarks.compare.folds import MODELS, OURS, Predicted, dealt
from benchmarks.compare.public_tables import MOST_ROWS, thinned
from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from training.data.clusters import Clusters
from training.evaluation.metrics import measure
from training.registry.mlflow_registry import Registry
from training.task import Task

ONE_FOLD = np.zeros(1000, dtype=np.int64)


def seen(*, noise: float) -> Predicted:
    """A thousand customers, ours the truth they were drawn by, the competitors' the truth with noise."""
    random = np.random.default_rng(2)
    odds = random.normal(-1, 1.5, 1000)
    label = (random.random(1000) < 1 / (1 + np.exp(-odds))).astype(float)
    others = {model: 1 / (1 + np.exp(-odds - random.normal(0, noise, 1000))) for model in MODELS if model != OURS}
    said = {OURS: 1 / (1 + np.exp(-odds)), **others}
    return Predicted(label, Clusters.apart(1000), ONE_FOLD, said, ("logit",), (0.3, 0.3))


def test_a_paired_difference_is_that_of_the_rows() -> None:
    """Mean and p-value are nearly those of a paired t-test; copies of all customers make nothing surer."""
    differences = np.random.default_rng(1).normal(0.01, 0.2, 800)

    alone = Difference.of(differences, Clusters.apart(800))
    copied = Difference.of(np.tile(differences, 3), Clusters.of(np.tile(np.arange(800), 3)))

    assert alone.p == pytest.approx(ttest_1samp(differences, 0).pvalue, abs=1e-3)
    assert alone.mean == pytest.approx(differences.mean())
    assert alone.low < alone.mean < alone.high
    assert (copied.mean, copied.low, copied.p) == pytest.approx((alone.mean, alone.low, alone.p))


def test_holm_never_lowers_a_p_value_and_keeps_their_order() -> None:
    """The smallest is multiplied by their number, the largest by one; none exceeds 1."""
    p = np.random.default_rng(0).random(20) ** 3

    corrected = np.array(holm(p.tolist()))

    assert (corrected >= p).all()
    assert (np.diff(corrected[np.argsort(p)]) >= 0).all()
    assert corrected.max() <= 1
    assert corrected[p.argmin()] == pytest.approx(min(20 * p.min(), 1))


def test_a_plan_contacts_the_best_up_to_its_capacity_and_none_below_its_cost() -> None:
    """Of equal probabilities each customer has the same share; who is not worth a contact earns and costs nothing."""
    worth = COST / (SAVE_RATE * VALUE)
    probability, label = np.linspace(0.01, 0.99, 1000), np.ones(1000)

    earned = net_values(label, probability, ONE_FOLD)
    alike = net_values(label, np.full(1000, 0.9), ONE_FOLD)
    poor = net_values(label, np.full(1000, worth * 0.99), ONE_FOLD)

    each = SAVE_RATE * VALUE - COST
    assert earned.sum() == pytest.approx(alike.sum()) == pytest.approx(each * CAPACITY * 1000)
    assert earned[-150:].min() == pytest.approx(each)
    assert np.ptp(alike) == 0
    assert not poor.any()


def test_figures_find_the_better_model_and_what_is_not_kept() -> None:
    """The truth is ahead of noise and keeps what is asked; noise that is taken for ours does not."""
    truth = seen(noise=1.0)
    swapped = {**truth.said, OURS: truth.said["catboost"], "catboost": truth.said[OURS]}
    behind = Predicted(truth.label, truth.clusters, truth.fold, swapped, truth.served, truth.base)

    right, wrong = (Figures.of("task", one, seed=1) for one in (truth, behind))

    assert right.rank == 1
    assert right.behind.high < 0
    assert not faults([right])
    assert wrong.best == "catboost"
    assert faults([wrong, wrong])[0].startswith("Surely behind in log-loss")
    assert report([right])[-1] == "All that is asked is kept."
    assert len({line.count("|") for line in report([right])[:3]}) == 1


def test_a_large_table_is_thinned_evenly() -> None:
    """Every so many-th row is taken, as many as are wanted at most; a small one stays as it is."""
    rows = pl.DataFrame({"at": np.arange(3 * MOST_ROWS + 5)})

    taken = thinned(rows)["at"]

    assert MOST_ROWS / 2 < len(taken) <= MOST_ROWS
    assert set(taken.diff().drop_nulls()) == {4}
    assert thinned(rows[:10]).equals(rows[:10])


def test_each_row_is_the_test_of_one_fold_and_competitors_read_what_ours_reads(tmp_path: Path) -> None:
    """XGBoost is fitted on the rows of a fold, categories and missing values as they are, and ranks its test rows."""
    random = np.random.default_rng(3)
    x, level = random.normal(size=400), random.choice(["a", "b", "c"], 400)
    label = (random.random(400) < 1 / (1 + np.exp(-2 * x - (level == "a")))).astype(int)
    frame = pl.DataFrame({"x": x, "level": level, "y": label})
    frame.with_columns(pl.when(pl.col("x") > 1.8).then(None).otherwise("x").alias("x")).write_parquet(
        tmp_path / "t.parquet"
    )
    text = 'name = "t"\npolarity = "positive"\nseed = 1\n[table]\npath = "t.parquet"\nlabel = "y"\npositive = 1\n'
    (tmp_path / "t.toml").write_text(text)
    case = load_use_case(tmp_path / "t.toml")
    task = Task(case, learning_table(case), tmp_path, Registry(tmp_path), "never")

    folds = dealt(task)
    said = predicted("xgboost", task.table.features, folds[0], seed=1)

    assert sorted(row for parts in folds for row in parts.test["__customer_id"]) == sorted(
        task.table.rows["__customer_id"]
    )
    assert all(parts.learning.height + parts.test.height == 400 for parts in folds)
    assert measure(folds[0].test["__label"].to_numpy(), said)["roc_auc"] > 0.7
