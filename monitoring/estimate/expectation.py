"""What is expected of a day, with a range that earlier misses have widened, and whether these are enough to go by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from monitoring.estimate.confidence import auc_error, expected_auc, recalibration_of
from scoring.bundle.bundle import Bundle
from scoring.health.matured_windows import EstimatedQuality, MaturedWindow

PROVEN = 4  # earlier days whose outcome is known, from which on an estimate counts as proven
REFERENCE = "test_rows"
_TAIL = 0.975

Floats = NDArray[np.float64]


def expected_quality(
    bundle: Bundle, probability: Floats, as_of: datetime, windows: Sequence[MaturedWindow]
) -> EstimatedQuality:
    """The estimate of a day from the probabilities of its customers.

    Its range is that of chance; with earlier days to go by it is that of their misses where these are wider: the misses
    are taken for draws around 0, and the range for the next one (Student's t).

    Args:
        bundle: What scored the day.
        probability: Of all who were scored.
        as_of: The day, UTC.
        windows: Matured days of the use case; those not known by `as_of` are left out.
    """
    recalibrated = recalibration_of(bundle)
    if recalibrated is None or not len(probability):
        return EstimatedQuality(roc_auc=None)
    rate = recalibrated(probability)
    auc = expected_auc(probability, rate)
    positives, negatives = float(rate.sum()), float((1 - rate).sum())
    if auc is None or min(positives, negatives) < 1:
        return EstimatedQuality(roc_auc=auc, reference=REFERENCE)
    misses = earlier_misses(windows, as_of)
    reach = 1.959963984540054 * auc_error(auc, positives, negatives)
    if len(misses) >= 2:
        reach = max(
            reach, float(stdtrit(len(misses), _TAIL)) * math.sqrt(sum(miss * miss for miss in misses) / len(misses))
        )
    return EstimatedQuality(
        roc_auc=auc,
        low=max(auc - reach, 0.0),
        high=min(auc + reach, 1.0),
        proven=len(misses) >= PROVEN,
        windows=len(misses),
        reference=REFERENCE,
    )


def earlier_misses(windows: Sequence[MaturedWindow], as_of: datetime) -> list[float]:
    """By how much the realised areas differed from their estimates, of days known by a moment.

    Days whose outcome windows overlap are one piece of evidence: of those the latest counts, from the last one back.
    """
    misses: list[float] = []
    until = as_of.date()
    for window in sorted(windows, key=lambda one: (one.as_of, one.version), reverse=True):
        known_on = datetime.fromisoformat(window.known_on).date()
        realised, estimate = window.measured.roc_auc, window.estimate
        if known_on <= until and realised is not None and estimate and estimate.roc_auc is not None:
            misses.append(realised - estimate.roc_auc)
            until = datetime.fromisoformat(window.as_of).date()
    return misses
