"""Unusual test rows, flagged in three ways and shown beside the model; none is left out and none decides anything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.fitting.fit import Taught

DETECTORS = ("iqr", "isolation_forest", "lof")
MOST_ROWS = 2000  # of a part, drawn by seed: neighbours cost the square of them
NEIGHBOURS = 20
REACH = 1.5  # interquartile ranges beyond the quartiles (Tukey 1977)
FAR = 1e4  # interquartile ranges from the median; beyond them all is as far
DECIMALS = 6  # rows that differ by less are the same

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def unusual(
    taught: Taught, test: NDArray[np.float32], label: Floats, probability: Floats, *, seed: int
) -> dict[str, dict[str, float]]:
    """By detector, the flagged rows among the test rows looked at: share, and realised and predicted rate.

    The detectors ask who is unlike the other rows looked at: quartiles of each number (a row is flagged for one cell
    beyond), an isolation forest (Liu 2008), and the density around the nearest rows that differ (Breunig 2000). {}
    where there is no number.
    """
    numeric = [at for at, feature in enumerate(taught.features) if feature.type != "category"]
    looked = _drawn(np.random.default_rng(seed), len(test))
    rows = test[looked][:, numeric].astype(np.float64)
    known = ~np.isnan(rows).all(axis=0)
    if not known.any():
        return {}
    return {
        name: _rates(flag, label[looked], probability[looked])
        for name, flag in flags_of(rows[:, known], seed=seed).items()
    }


def _drawn(random: np.random.Generator, count: int) -> NDArray[np.intp]:
    return np.sort(random.permutation(count)[:MOST_ROWS])


def flags_of(rows: Floats, *, seed: int) -> dict[str, Flags]:
    """Which rows each detector flags.

    A gap is its column's median; a column counts in interquartile ranges, or in deviations where that is 0.
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor

    low, middle, high = np.nanquantile(rows, [0.25, 0.5, 0.75], axis=0)
    spread = np.where(high > low, high - low, np.nanstd(rows, axis=0))
    spread[spread == 0] = 1.0
    with np.errstate(over="ignore"):
        scaled = np.nan_to_num((rows - middle) / spread)
    scaled = np.clip(scaled, -FAR, FAR).round(DECIMALS)  # else distances lose what is small beside what is huge
    different, place = np.unique(scaled, axis=0, return_inverse=True)
    near = LocalOutlierFactor(NEIGHBOURS, n_jobs=1)
    lonely = (
        near.fit_predict(different) < 0 if len(different) > NEIGHBOURS else np.zeros(len(different), dtype=np.bool_)
    )
    beyond = ((rows < low - REACH * (high - low)) | (rows > high + REACH * (high - low))) & (high > low)
    return {
        "iqr": beyond.any(axis=1),
        "isolation_forest": IsolationForest(random_state=seed, n_jobs=1).fit_predict(scaled) < 0,
        "lof": lonely[place.ravel()],
    }


def _rates(flag: Flags, label: Floats, probability: Floats) -> dict[str, float]:
    """How many rows were looked at and flagged, and what happened to the flagged and was predicted of them."""
    some = bool(flag.any())
    return {
        "looked_at": float(len(flag)),
        "rows": float(flag.sum()),
        "realised": float(label[flag].mean()) if some else 0.0,
        "predicted": float(probability[flag].mean()) if some else 0.0,
    }
