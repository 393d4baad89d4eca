"""The seed variance of a log-loss: the winner trained anew, on other deals of the same rows and by other seeds."""

from __future__ import annotations

import numpy as np

from scoring.bundle.manifest import SeedVariance
from training.data.split import Parts, labels, learning_parts, own_cutoff
from training.errors import CalibrationError
from training.evaluation.metrics import row_losses
from training.fitting.fit import Taught, contend, teach
from training.selection.cross_validation import Choice, tuned_fit
from training.selection.settings_search import SEARCHED_CELLS
from training.task import Task

REFITS = 5
_APART = 100  # between seeds, so that none is one of those the median is taken of


def seed_variance_of(task: Task, parts: Parts, choice: Choice, taught: Taught) -> SeedVariance | None:
    """The seed variance of the chosen candidate's log-loss; None where the rows are too many to fit it again.

    The learning rows are dealt anew into fitting, stopping and calibration rows, unless all of them are fitted on; the
    test rows stay.
    """
    features, own, outcome = task.table.features, own_cutoff(task.table), labels(parts.test)
    fit, calibration = tuned_fit(task.candidates(), choice)[choice.kind], choice.calibrations.get(choice.kind)
    losses = []
    affordable = min(REFITS, SEARCHED_CELLS // max(parts.fit.height * len(features), 1))
    for number in range(1, affordable + 1 if affordable > 1 else 1):  # one alone would tell nothing
        seed = task.seed + number * _APART
        try:
            if calibration is None:
                taught = teach(features, *learning_parts(parts.learning, own, seed=seed), label_event=task.label_event)
            served = contend(taught, fit, seed=seed, calibration=calibration).probability(taught.matrix(parts.test))
        except CalibrationError:  # a deal of few rows may show no rise; what is left tells how far apart the others lie
            continue
        losses.append(row_losses(outcome, served).mean())
    return SeedVariance(refits=len(losses), log_loss_sd=float(np.std(losses, ddof=1))) if len(losses) > 1 else None
