"""What a candidate's margins are worth on rows that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.models.calibration import Calibration
from training.errors import CalibrationError
from training.evaluation.metrics import row_losses
from training.fitting.calibrate import fit_calibration, level
from training.fitting.fit import Taught
from training.fitting.lesson import Fit

Floats = NDArray[np.float64]
Margins = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judged:
    """How a candidate did on rows it has not seen."""

    calibrating: Margins  # its margins of the rows that calibrate it
    margin: Margins  # of the rows that judge it
    loss: Floats  # of each of these, as predicted
    levelled: Floats  # of each of these, were the outcome's overall rate known
    rises: bool  # whether its margin rises with the outcome


def judge(taught: Taught, fit: Fit, matrix: Margins, outcome: Floats, *, seed: int) -> Judged:
    """A candidate, fitted on what is taught, on the rows of a matrix."""
    model = fit(taught.lesson, seed).model()
    return judged(model.margin(taught.calibrate), taught.calibrate_labels, model.margin(matrix), outcome)


def judged(calibrating: Margins, calibrate_labels: Floats, margin: Margins, outcome: Floats) -> Judged:
    """Margins, calibrated on some rows, on others.

    Where they do not rise with the outcome, the best that a calibration may do is a slope of 0: the base rate
    for everyone. Of a rare class a fold's calibration rows may hold a handful, and their chance says nothing of the
    candidate.
    """
    probability, rises = calibrated(calibrating, calibrate_labels, margin)
    loss = row_losses(outcome, probability)
    if not 0 < outcome.mean() < 1:
        return Judged(calibrating, margin, loss, loss, rises)
    log_odds = np.log(probability) - np.log1p(-probability)
    levelled = Calibration(1.0, level(log_odds, outcome)).probability(log_odds)
    return Judged(calibrating, margin, loss, row_losses(outcome, levelled), rises)


def calibrated(calibrating: Margins, calibrate_labels: Floats, margin: Margins) -> tuple[Floats, bool]:
    """The probabilities of margins that others calibrate, and whether those rise; their rate where they do not."""
    try:
        return fit_calibration(calibrating, calibrate_labels).probability(margin), True
    except CalibrationError:
        return np.full(len(margin), calibrate_labels.mean()), False
