"""Two models, of treated customers and of the others, on rows dealt after those they learned from.

Rows that judge each other's models, as those of ordinary folds do, agree by chance: what happens to look like an effect
in most of them is found in all. Under no effect the sum of such folds spreads 1.3 times as far as its rows say. Where a
model is judged by later rows alone, each fold is new evidence whatever came before (Luedtke and van der Laan 2016,
Statistical inference for the mean outcome under a possibly non-unique optimal treatment strategy).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.tables.learning_table import TREATED
from training.data.split import labels, learning_parts, share_out
from training.errors import CalibrationError
from training.fitting.fit import Contender, Taught, contend, teach, teach_alike
from training.fitting.lesson import Fit
from training.task import Task

DEALT = (2.0, 1.0, 1.0, 1.0, 1.0)  # shares of the rows; the first are learned from alone

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArmRates:
    """The outcome's predicted rate of each row, were the customer treated and were they not."""

    treated: Floats
    control: Floats


def dealt(rows: pl.DataFrame, *, seed: int) -> NDArray[np.int64]:
    """When each row is dealt, 0, 1, ..., a customer's rows together; those of 0 are never judged."""
    return share_out(rows, DEALT, seed=seed)


def cross_fitted(task: Task, rows: pl.DataFrame, fits: dict[str, Fit]) -> tuple[dict[str, ArmRates], NDArray[np.int64]]:
    """Each learner's rates of the rows dealt after the first, in their order, and when every row was dealt.

    An arm in which a learner finds nothing that rises with the outcome has its own rate for everyone.
    """
    fold = dealt(rows, seed=task.seed + 4)
    found = {kind: ArmRates(np.empty(rows.height), np.empty(rows.height)) for kind in fits}
    for number in range(1, len(DEALT)):
        judged, learned = fold == number, rows.filter(fold < number)
        treated, control = (learned.filter(pl.col(TREATED) == arm) for arm in (1, 0))
        taught = teach(
            task.table.features, *learning_parts(treated, None, seed=task.seed), label_event=task.label_event
        )
        others = teach_alike(taught, *learning_parts(control, None, seed=task.seed))
        matrix = taught.matrix(rows.filter(judged))
        for kind, fit in fits.items():
            found[kind].treated[judged] = _rates(taught, fit, matrix, treated, seed=task.seed)
            found[kind].control[judged] = _rates(others, fit, matrix, control, seed=task.seed)
    later = fold > 0
    return {kind: ArmRates(one.treated[later], one.control[later]) for kind, one in found.items()}, fold


def risen(taught: Taught, fit: Fit, *, seed: int) -> Contender | None:
    """A fitted and calibrated candidate; None where its margin does not rise with the outcome, or all have the same."""
    if len(np.unique(taught.lesson.fit_labels)) < 2:
        return None
    try:
        return contend(taught, fit, seed=seed)
    except CalibrationError:
        return None


def _rates(taught: Taught, fit: Fit, matrix: NDArray[np.float32], arm: pl.DataFrame, *, seed: int) -> Floats:
    contender = risen(taught, fit, seed=seed)
    return np.full(len(matrix), labels(arm).mean()) if contender is None else contender.probability(matrix)
