"""Predictions from outside folds: whose they are, and what they calibrate."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.spec.feature import Feature
from scoring.models.calibration import Calibration
from tests.training.selection.test_cross_validation import table
from training.data.split import labels
from training.fitting.calibrate import fit_calibration
from training.fitting.candidates import OURS, BoostedFit, fit_logit, fit_rounds, trees_of
from training.fitting.fit import contend, teach
from training.fitting.lesson import Fitted, Lesson
from training.selection.crossing import FOLDS, crossed, crossed_losses, predicted_outside_folds

FEATURES = (Feature("number", "number"), Feature("x", "number"))


def numbered(count: int = 300) -> pl.DataFrame:
    """Rows with their numbers, and a column that tells their outcome in part."""
    rows = table(count)
    signal = labels(rows) + np.random.default_rng(4).normal(size=count)
    return rows.with_columns(number=pl.int_range(count).cast(pl.Float64), x=pl.Series(signal))


def test_a_row_is_predicted_by_who_has_not_learned_from_it() -> None:
    """Of the five lessons of a repeat each row is missing in one, and stands in four, fitting or stopping."""
    rows, met = numbered(), []

    def noting(lesson: Lesson, seed: int) -> Fitted:
        met.append(np.concatenate([lesson.fit[:, 0], lesson.stop[:, 0]]).astype(int))
        return fit_logit(lesson, seed)

    _, margins = predicted_outside_folds(rows, FEATURES, {"logit": noting}, seed=1, repeats=2)

    times = [np.bincount(np.concatenate(met[at : at + FOLDS]), minlength=rows.height) for at in (0, FOLDS)]
    assert all((each == FOLDS - 1).all() for each in times)
    assert margins["logit"].shape == (2 * rows.height,)
    assert np.isfinite(margins["logit"]).all()


def test_a_row_judges_no_calibration_of_its_own() -> None:
    """Another outcome of one row changes the losses of all parts but its own, where its own loss alone changes."""
    random = np.random.default_rng(3)
    margin = random.normal(size=500).astype(np.float32)
    label, part = (random.random(500) < 1 / (1 + np.exp(-margin))).astype(float), np.arange(500) % FOLDS
    turned = np.where(np.arange(500) == 7, 1 - label, label)

    moved = crossed_losses(margin, label, part) != crossed_losses(margin, turned, part)

    assert moved.tolist() == ((part != part[7]) | (np.arange(500) == 7)).tolist()


def test_what_folds_calibrate_is_fitted_on_every_learning_row() -> None:
    """The calibration is that of the predictions from outside, and the calibration rows are fitted on."""
    rows = numbered()
    _, margins = predicted_outside_folds(rows, FEATURES, {"logit": fit_logit}, seed=1, repeats=1)
    found = crossed(margins, rows, repeats=1, seed=1).calibrations["logit"]
    taught = teach(FEATURES, rows[:200], rows[200:250], rows[250:], label_event=None)

    served = contend(taught, fit_logit, seed=1, calibration=found)

    assert found == fit_calibration(margins["logit"], labels(rows))
    assert served.calibration == found
    lesson = taught.lesson
    assert np.array_equal(taught.whole.fit, np.concatenate([lesson.fit, taught.calibrate, lesson.stop]))
    assert len(taught.whole.stop) == 0
    assert served.fitted == fit_logit(taught.whole, 1)


def test_folds_tell_after_how_many_rounds_boosting_ends() -> None:
    """It is the middle one of the folds' numbers; so many trees are then fitted on every row."""
    rows, met = numbered(), []

    class Noting(BoostedFit):
        def __call__(self, lesson: Lesson, seed: int) -> Fitted:
            met.append(fitted := super().__call__(lesson, seed))
            return fitted

    settings, _ = predicted_outside_folds(rows, FEATURES, {"xgboost": Noting(trials=0)}, seed=1, repeats=1)
    taught = teach(FEATURES, rows[:200], rows[200:250], rows[250:], label_event=None)
    fit = settings.of({"xgboost": BoostedFit(trials=0)})["xgboost"]
    served = contend(taught, fit, seed=1, calibration=Calibration(1.0, 0.0)).fitted

    rounds = settings.rounds["xgboost"]
    assert rounds == int(np.median([trees_of(one.params) for one in met]))
    assert trees_of(served.params) == rounds > 0
    assert served == fit_rounds(taught.whole, 1, OURS, rounds)


def test_a_candidate_that_falls_with_the_outcome_is_left_out() -> None:
    """It has neither a loss nor a calibration."""
    rows = numbered()
    margins = {"right": labels(rows), "wrong": -labels(rows)}
    noisy = {kind: (said + rows["number"].to_numpy() % 3).astype(np.float32) for kind, said in margins.items()}

    found = crossed(noisy, rows, repeats=1, seed=1)

    assert list(found.losses) == list(found.calibrations) == ["right"]
