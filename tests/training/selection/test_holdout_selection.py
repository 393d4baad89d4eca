"""Large tables: one look at the calibration rows chooses, and what was looked at is served."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.build.log_table import learning_table
from features.spec.feature import Feature
from tests.support.worlds import table_case
from training.data.split import Parts, labels, split
from training.fitting import candidates
from training.fitting.fit import teach
from training.fitting.lesson import Lesson
from training.selection import holdout_selection as once
from training.selection import settings_search as settings
from training.selection.crossing import crossed_losses
from training.selection.winner import choose_for, fit
from training.task import Task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """A ready table of 3,000 rows whose outcome two numbers tell, most of it only together: trees alone learn that."""
    random = np.random.default_rng(3)
    one, two = random.normal(size=3000), random.normal(size=3000)
    label = random.random(3000) < 1 / (1 + np.exp(1 - one - 3 * one * two))
    table = pl.DataFrame({"one": one, "two": two, "y": np.where(label, "yes", "no")})
    case = table_case(tmp_path_factory.mktemp("table"), table)
    return Task(case, learning_table(case), Path("unused"), None, "never")  # type: ignore[arg-type]  # nothing is registered


@pytest.fixture
def parts(task: Task, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """Its parts, whose calibration rows count as many."""
    monkeypatch.setattr(once, "MANY", 20)
    monkeypatch.setattr(settings, "SEEDED_CELLS", 0)
    return split(task.table, seed=task.seed)


def test_what_was_validated_is_served(task: Task, parts: Parts) -> None:
    """The winner by the calibration rows' log-loss goes into the bundle as it was fitted, its baseline beside it."""
    choice = choose_for(task, parts)
    learned = fit(task, parts, choice)

    assert (choice.folds, choice.rows) == (1, parts.calibrate.height)
    assert choice.kind in ("forest", "xgboost")
    assert choice.made is not None
    assert list(learned.contenders) == [choice.kind, "logit"]
    assert learned.winner is choice.made.contenders[choice.kind]
    assert choice.losses[choice.kind]["log_loss"] < choice.losses["logit"]["log_loss"] - 0.05
    again = candidates.fit_logit(teach(task.table.features, *_learned(parts), label_event=None).lesson, task.seed)
    assert again.files == learned.contenders["logit"].fitted.files


def test_one_look_and_folds_agree(task: Task, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A candidate that folds call surely worse is surely worse by one look too, and is not served."""
    looked = choose_for(task, parts)
    monkeypatch.setattr(once, "MANY", 10**6)
    folded = choose_for(task, parts)

    assert (looked.made is None, folded.made is None, folded.folds) == (False, True, 5)
    for choice in (looked, folded):
        assert choice.kind in ("forest", "xgboost")
        assert choice.losses["logit"]["behind"] > 3 * choice.losses["logit"]["standard_error"] > 0


def test_no_row_is_judged_by_a_calibration_it_was_fitted_on() -> None:
    """Another outcome of one row changes its own loss, and the losses of the other half, which it calibrates."""
    random = np.random.default_rng(0)
    margin = random.normal(size=400).astype(np.float32)
    label, half = (random.random(400) < 1 / (1 + np.exp(-margin))).astype(float), np.arange(400) % 2
    turned = np.where(np.arange(400) == 6, 1 - label, label)

    moved = crossed_losses(margin, label, half) != crossed_losses(margin, turned, half)

    assert moved.tolist() == ((half == 1) | (np.arange(400) == 6)).tolist()


def test_few_rows_and_logs_are_folded(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Either class must be there many times, in more rows than afford several seeds; a log is validated in time."""
    moment = pl.lit("2024-01-01").str.to_datetime(time_unit="us", time_zone="UTC").alias("__cutoff")
    ones = parts.calibrate.filter(labels(parts.calibrate) == 1)

    assert once.is_large(parts, width=2)
    assert not once.is_large(replace(parts, calibrate=parts.calibrate.with_columns(moment)), width=2)
    assert not once.is_large(replace(parts, calibrate=parts.calibrate.filter(labels(parts.calibrate) == 0)), width=2)
    assert not once.is_large(replace(parts, calibrate=ones), width=2)
    monkeypatch.setattr(settings, "SEEDED_CELLS", 3 * 2 * parts.fit.height)
    assert not once.is_large(parts, width=2)


def test_a_forest_on_many_cells_has_fewer_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as its cells allow, never fewer than a hundred; the bundle's parameters say how many."""
    random = np.random.default_rng(0)
    rows, label = random.normal(size=(90, 2)).astype(np.float32), np.tile([0.0, 1.0], 45)
    lesson = Lesson((Feature("a", "number"), Feature("b", "number")), {}, rows, label, rows, label)

    def trees(cells: int) -> int:
        monkeypatch.setattr(candidates, "FOREST_CELLS", cells)
        return int(str(candidates.fit_forest(lesson, 0).params["num_parallel_tree"]))

    assert [trees(most) for most in (10**9, 180 * 120, 180)] == [300, 120, 100]


def test_a_regression_on_very_many_rows_is_fitted_on_a_sample(task: Task, parts: Parts) -> None:
    """Drawn by seed from fitting and stopping rows, it moves no slope by more than samples of that size do."""
    lesson = teach(task.table.features, *_learned(parts), label_event=None).lesson
    whole = candidates.fit_logit(lesson, 1)
    with pytest.MonkeyPatch.context() as few:
        few.setattr(candidates, "LEAST_REGRESSED", 1000)
        few.setattr(candidates, "ROWS_A_WEIGHT", 300)
        sampled, again, other = (candidates.fit_logit(lesson, seed) for seed in (1, 1, 2))

    assert len({*(one.files["model.json"] for one in (whole, sampled, again, other))}) == 3
    slopes = [
        [term["coefficient"] for term in json.loads(fitted.files["model.json"])["terms"]] for fitted in (whole, sampled)
    ]
    assert slopes[0] == pytest.approx(slopes[1], abs=3 * np.sqrt(4.5 / 1200))


def _learned(parts: Parts) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    return parts.fit, parts.stop, parts.calibrate
