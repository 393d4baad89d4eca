"""scikit-learn's random forest, to be read beside the model in the report; it is never served.

Its trees add up in probability, not in log-odds: its scores have no exact reasons (docs/adr/0003).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.errors import CalibrationError
from training.fitting.calibrate import fit_calibration
from training.fitting.candidates import learned_rows
from training.fitting.fit import Taught

TREES = 100
LEAST_IN_A_LEAF = 5
MOST_CELLS = 100_000  # encoded cells it is fitted on: bounded by work, not by a clock, so that it repeats
CALIBRATED = 20_000  # rows that tell the two numbers of its calibration
NEAREST = 1e-6  # of its shares to 0 and 1, where log-odds end

Floats = NDArray[np.float64]


def reference_forest(taught: Taught, test: NDArray[np.float32], *, seed: int) -> Floats | None:
    """Its calibrated probabilities for encoded test rows; None where they do not rise with the outcome.

    Fitted on the fitting and stopping rows, and calibrated as every candidate is; both on a seeded sample of the rows
    where they are many.
    """
    from sklearn.ensemble import RandomForestClassifier

    matrix, label = learned_rows(taught.lesson, max(MOST_CELLS // max(test.shape[1], 1), 1), seed=seed)
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAST_IN_A_LEAF, random_state=seed, n_jobs=1)
    forest.fit(matrix, label)

    def margin(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        share = np.clip(forest.predict_proba(rows)[:, -1], NEAREST, 1 - NEAREST)
        return np.asarray(np.log(share) - np.log1p(-share), dtype=np.float32)

    sample = np.sort(np.random.default_rng(seed).permutation(len(taught.calibrate))[:CALIBRATED])
    try:
        calibration = fit_calibration(margin(taught.calibrate[sample]), taught.calibrate_labels[sample])
    except CalibrationError:
        return None
    return calibration.probability(margin(test))
