"""The seed variance of a log-loss: the winner trained anew, on other deals of the same rows and by other seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from scoring.bundle.manifest import SeedVariance
from training.data.split import SHARES, Parts, labels, learning_parts, own_cutoff, share_out
from training.errors import CalibrationError
from training.evaluation.metrics import row_losses
from training.fitting.fit import Taught, contend, teach
from training.fitting.lesson import Lesson
from training.selection.cross_validation import Choice, tuned_fit
from training.selection.settings_search import SEARCHED_CELLS
from training.task import Task

REFITS = 5
_APART = 100  # between seeds, so that none is one of those the median is taken of


def seed_variance_of(task: Task, parts: Parts, choice: Choice, taught: Taught) -> SeedVariance | None:
    """The seed variance of the chosen candidate's log-loss; None where the rows are too many to fit it again.

    The learning rows are dealt anew into fitting, stopping and calibration rows; where all of them are fitted on, the
    stopping rows of each deal are left out. The test rows stay.
    """
    features, own, outcome = task.table.features, own_cutoff(task.table), labels(parts.test)
    fit, calibration = tuned_fit(task.candidates(), choice)[choice.kind], choice.calibrations.get(choice.kind)
    losses, test = [], taught.matrix(parts.test)
    affordable = min(REFITS, SEARCHED_CELLS // max(parts.fit.height * len(features), 1))
    for number in range(1, affordable + 1 if affordable > 1 else 1):  # one alone would tell nothing
        seed = task.seed + number * _APART
        try:
            if calibration is None:
                taught = teach(features, *learning_parts(parts.learning, own, seed=seed), label_event=task.label_event)
                served = contend(taught, fit, seed=seed).probability(taught.matrix(parts.test))
            else:
                model = fit(_without_stopping(taught, parts, seed=seed), seed).model()
                served = calibration.probability(model.margin(test))
        except CalibrationError:  # a deal of few rows may show no rise; what is left tells how far apart the others lie
            continue
        losses.append(row_losses(outcome, served).mean())
    return SeedVariance(refits=len(losses), log_loss_sd=float(np.std(losses, ddof=1))) if len(losses) > 1 else None


def _without_stopping(taught: Taught, parts: Parts, *, seed: int) -> Lesson:
    """The lesson of all rows, but for those that another deal would stop by."""
    whole, rows = taught.whole, pl.concat([parts.fit, parts.calibrate, parts.stop])
    stays = share_out(rows, SHARES, seed=seed + 1) != 1
    groups = None if whole.groups is None else whole.groups[stays]
    return replace(whole, fit=whole.fit[stays], fit_labels=whole.fit_labels[stays], groups=groups)
