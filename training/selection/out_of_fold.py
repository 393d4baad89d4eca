"""What the whole training says of rows that it has not seen: the choice of a candidate is made anew within each fold.

Few test rows tell little; the learning rows, predicted from outside their folds, tell more. Were the candidate chosen
on all of them first, the best of several would look better than it is (Varma and Simon 2006, Bias in error estimation
when using cross-validation for model selection).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from training.data.split import Parts, labels, learning_parts
from training.errors import CalibrationError, NothingLearned
from training.fitting.fit import contend, teach
from training.selection.cross_validation import choose, folds, tuned_fit
from training.task import Task

Floats = NDArray[np.float64]


def predicted_outside(task: Task, parts: Parts) -> tuple[pl.DataFrame, Floats, NDArray[np.int64]]:
    """The learning rows' validation rows, their probabilities, and the fold, 0, 1, ..., that each was predicted in.

    A fold in which nothing could be learned predicts its learning rows' rate.
    """
    rows = parts.learning
    done = folds(rows, width=rows.height, seed=task.seed, repeats=1)
    judged = [rows.filter(validate) for _, validate in done]
    served = [_predicted(task, rows.filter(learn), one) for (learn, _), one in zip(done, judged, strict=True)]
    fold = np.repeat(np.arange(len(done)), [one.height for one in judged])
    return pl.concat(judged), np.concatenate(served), fold


def _predicted(task: Task, learn: pl.DataFrame, judged: pl.DataFrame) -> Floats:
    features, seed, event = task.table.features, task.seed, task.label_event
    fits, asked = task.candidates(), task.use_case.candidate
    try:
        choice = choose(learn, features, fits, label_event=event, seed=seed, asked=asked)
        taught = teach(features, *learning_parts(learn, None, seed=seed), label_event=event)
        fit, known = tuned_fit(fits, choice)[choice.kind], choice.calibrations.get(choice.kind)
        contender = contend(taught, fit, seed=seed, calibration=known)
    except (CalibrationError, NothingLearned):
        return np.full(judged.height, labels(learn).mean())
    return contender.probability(taught.matrix(judged))
