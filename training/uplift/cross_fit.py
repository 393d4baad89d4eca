"""Two models, of treated customers and of the others, on rows that neither has seen: the T-learner, cross-fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.tables.learning_table import TREATED
from training.data.split import labels, learning_parts, share_out
from training.errors import CalibrationError
from training.fitting.candidates import Fit
from training.fitting.fit import Contender, Taught, contend, teach, teach_alike
from training.task import Task

FOLDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArmRates:
    """The outcome's predicted rate of each row, were the customer treated and were they not."""

    treated: Floats
    control: Floats


def cross_fitted(task: Task, rows: pl.DataFrame, fits: dict[str, Fit]) -> tuple[dict[str, ArmRates], NDArray[np.int64]]:
    """Each learner's rates of every row, by models of the other folds, and the fold of each row (Chernozhukov 2018).

    An arm in which a learner finds nothing that rises with the outcome has its own rate for everyone.
    """
    fold = share_out(rows, (1.0,) * FOLDS, seed=task.seed + 4)
    found = {kind: ArmRates(np.empty(rows.height), np.empty(rows.height)) for kind in fits}
    for number in range(FOLDS):
        judged = fold == number
        learned = rows.filter(~judged)
        treated, control = (learned.filter(pl.col(TREATED) == arm) for arm in (1, 0))
        taught = teach(task.table.features, *learning_parts(treated, None, seed=task.seed), label_event=None)
        others = teach_alike(taught, *learning_parts(control, None, seed=task.seed))
        matrix = taught.matrix(rows.filter(judged))
        for kind, fit in fits.items():
            found[kind].treated[judged] = _rates(taught, fit, matrix, treated, seed=task.seed)
            found[kind].control[judged] = _rates(others, fit, matrix, control, seed=task.seed)
    return found, fold


def risen(taught: Taught, fit: Fit, *, seed: int) -> Contender | None:
    """A fitted and calibrated candidate; None where its margin does not rise with the outcome."""
    try:
        return contend(taught, fit, seed=seed)
    except CalibrationError:
        return None


def _rates(taught: Taught, fit: Fit, matrix: NDArray[np.float32], arm: pl.DataFrame, *, seed: int) -> Floats:
    contender = risen(taught, fit, seed=seed)
    return np.full(len(matrix), labels(arm).mean()) if contender is None else contender.probability(matrix)
