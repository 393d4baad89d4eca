"""The difference between the arms less what the score from before the campaign explains."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from activation.campaigns.arm_figures import ARMS, ArmFigures
from activation.campaigns.effect import ArmMoments, Difference, difference

LEAST_RATE = 0.01  # of answers, below which the score from before saves nothing worth its risk
LEAST_COVERED = 0.95  # share of customers whose score from before is known
_LEAST = 2  # customers of an arm, for a variance
Floats = NDArray[np.float64]


def adjusted(figures: ArmFigures, column: str, plain: Difference) -> Difference | None:
    """The difference adjusted by the score; None where that does not help.

    Deng and others, "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data"
    (2013): the score was known before the arms were drawn, so that its mean differs between them by chance alone.

    Args:
        figures: Of both arms.
        column: `answered` or `value`.
        plain: The same difference without adjustment.
    """
    whole = figures.rows.drop_nulls("probability")
    counted = sum(figures.n(name) for name in ARMS)
    answered = sum(figures.arm(name).answered for name in ARMS)
    if figures.known.record.folded or len(whole) < LEAST_COVERED * counted or answered < LEAST_RATE * counted:
        return None
    of_treated = (whole["arm"] == "treated").to_numpy()
    if min(of_treated.sum(), (~of_treated).sum()) < _LEAST:
        return None
    rest = without_explained(whole[column].cast(pl.Float64()).to_numpy(), whole["probability"].to_numpy())
    found = difference(_moments(rest[of_treated]), _moments(rest[~of_treated]))
    return found if found.standard_error < plain.standard_error else None


def without_explained(figures: Floats, scores: Floats) -> Floats:
    """Figures less their regression on scores, of the same mean: what a score explains is taken off both arms alike."""
    spread = float(np.var(scores))
    slope = float(np.cov(figures, scores, ddof=0)[0, 1]) / spread if spread else 0.0
    rest: Floats = figures - slope * (scores - scores.mean())
    return rest


def _moments(values: Floats) -> ArmMoments:
    return ArmMoments.of_sums(len(values), float(values.sum()), float((values**2).sum()))
