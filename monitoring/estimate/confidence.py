"""Expected ROC-AUC from probabilities alone: confidence-based performance estimation.

Probabilities are recalibrated by an isotonic regression on rows whose outcome is known; each row then counts as that
much of a positive and as the rest of a negative, from which every threshold has its expected confusion. The method is
NannyML's (CBPE, https://nannyml.readthedocs.io), whose published figures a test holds this to. It says how well scores
rank as long as their calibration holds: a relation between features and outcome that changed is not seen.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from scoring.bundle.bundle import Bundle

CURVES = "curves.json"  # in a bundle: outcomes of the test rows, cut by cut
FEW_CUTS = 250  # of a curve: so few are all the probabilities there were, more are cuts between them

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The rate of the outcome by probability, never falling; between and beyond what was met it is interpolated."""

    at: Floats  # rising
    rate: Floats

    @classmethod
    def of(cls, probability: Floats, positives: Floats, rows: Floats) -> Recalibration:
        """From counts at some probabilities, in any order."""
        at, where = np.unique(probability, return_inverse=True)
        weight = np.bincount(where, weights=rows)
        rate = np.bincount(where, weights=positives) / weight
        return cls(at, np.asarray(isotonic_regression(rate, weights=weight).x))

    def __call__(self, probability: Floats) -> Floats:
        """The rate at each probability."""
        return np.asarray(np.interp(probability, self.at, self.rate))


def recalibration_of(bundle: Bundle) -> Recalibration | None:
    """From the test rows of a bundle, as it keeps them: counts between cuts; None where it keeps none."""
    stored = json.loads(bundle.files.get(CURVES, b"{}"))
    curve = stored.get("candidates", {}).get(stored.get("served"))
    if not curve:
        return None
    at, rows, hits = (np.asarray(curve[name], np.float64) for name in ("at", "rows", "hits"))
    middle = at if len(at) < FEW_CUTS else (at + np.r_[at[0], at[:-1]]) / 2
    return Recalibration.of(middle, np.diff(hits, prepend=0.0), np.diff(rows, prepend=0.0))


def expected_auc(probability: Floats, rate: Floats) -> float | None:
    """The ROC-AUC of rows that are each as much of a positive as `rate` says; None where all are of one class."""
    order = np.argsort(-probability, kind="stable")
    found, passed = rate[order].cumsum(), (1 - rate[order]).cumsum()
    if not found[-1] > 0 or not passed[-1] > 0:
        return None
    return float(np.trapezoid(np.r_[0.0, found / found[-1]], np.r_[0.0, passed / passed[-1]]))


def auc_error(auc: float, positives: float, negatives: float) -> float:
    """The standard error of a ROC-AUC (Hanley and McNeil 1982)."""
    one, two = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (one - auc * auc) + (negatives - 1) * (two - auc * auc)
    return math.sqrt(max(spread, 0.0) / (positives * negatives))
