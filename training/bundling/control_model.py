"""The second model of a campaign's bundle, and the proof that the reasons for the difference of the two add up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.bundle import Bundle
from scoring.bundle.scorer import Scorer
from scoring.bundle.uplift_part import UpliftPart, UpliftReceipt
from training.errors import ReceiptError

ADDS_UP = 1e-6  # on the difference of log-odds
ROUNDS = 1e-3  # on what rounding leaves, in units of the row's log-odds where those are beyond 1


@dataclass(frozen=True)
class ControlModel:
    """The model of customers who were not treated, to be put into the bundle of the model of those who were."""

    stored: bytes
    part: UpliftPart  # but for its receipt
    test: NDArray[np.float32]  # the encoded test rows of both arms


def check_uplift(bundle: Bundle, matrix: NDArray[np.float32]) -> UpliftReceipt:
    """Adds up the reasons of the difference on every row given, and says how far they were off.

    Raises:
        ReceiptError: A sum is off by more than 1e-6, or what rounding leaves is too large to be rounding.
    """
    rows, scorer = matrix.astype(np.float64), Scorer(bundle)
    effects, part, control = scorer.uplift(rows, scorer.score(rows).margin), bundle.manifest.uplift, bundle.control
    if effects is None or control is None or not part:
        raise ReceiptError("A bundle that serves the effect of a contact must hold its control model, got none.")
    explained = scorer.explain_uplift(rows, effects, in_bulk=True)
    difference = effects.treated - effects.control
    off = float(np.abs(explained.base_value + explained.contributions.sum(axis=1) - difference).max())
    own = bundle.calibration.a * bundle.model.bias() + bundle.calibration.b
    others = part.calibration.a * control.bias() + part.calibration.b
    largest = np.maximum(1.0, np.maximum(np.abs(effects.treated), np.abs(effects.control)))
    shifted = float((np.abs(explained.base_value - (own - others)) / largest).max())
    if off > ADDS_UP or shifted > ROUNDS:
        raise ReceiptError(
            f"The reasons of a difference must add up within {ADDS_UP:g}, from the models' own biases within "
            f"{ROUNDS:g}, got {off:.2g} and {shifted:.2g}."
        )
    return UpliftReceipt(largest_base_difference=shifted, largest_sum_difference=off, rows=len(rows))
