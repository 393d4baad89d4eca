"""What fills the gaps of a linear model, learned from the fitting rows, in the form a bundle holds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 opens the import below
from sklearn.impute import IterativeImputer
from threadpoolctl import threadpool_limits

from scoring.models.imputation import ROUNDS, Filled, LearnedGaps

MOST_ROWS = 20_000  # learned from; their order is that of the table
MOST_GROUPS = 100
ROWS_A_GROUP = 50  # on average
LEAST_ROWS = 10  # known values behind a number of a group: fewer could tell of one customer


def learn_imputation(kind: Filled, rows: NDArray[np.float64], *, seed: int) -> LearnedGaps:
    """What its kind needs of a `model.json`'s `gaps`; `rows` are standardised numbers, NaN where missing."""
    if kind == "median":
        return {"kind": kind, "values": [_median(column) for column in rows.T]}
    if len(rows) > MOST_ROWS:
        rows = rows[np.sort(np.random.default_rng(seed).choice(len(rows), MOST_ROWS, replace=False))]
    return {"kind": kind, "groups": _groups(rows, seed)} if kind == "neighbours" else _regressions(rows, seed)


def _median(column: NDArray[np.float64]) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


def _regressions(rows: NDArray[np.float64], seed: int) -> LearnedGaps:
    """The last round of scikit-learn's iterative imputer, which serving repeats until it settles."""
    known = ~np.isnan(rows)
    low = np.where(known.any(axis=0), np.min(rows, axis=0, initial=np.inf, where=known), 0.0)
    high = np.where(known.any(axis=0), np.max(rows, axis=0, initial=-np.inf, where=known), 0.0)
    some = known.any(axis=0) & ~known.all(axis=0)
    if rows.shape[1] < 2 or not some.any():
        return {"kind": "regression", "low": low.tolist(), "high": high.tolist(), "steps": []}
    imputer = IterativeImputer(max_iter=ROUNDS, min_value=low, max_value=high, skip_complete=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # serving's rounds go on from the last regressions
        imputer.fit(np.where(known.any(axis=0), rows, 0.0))
    last = imputer.imputation_sequence_[-int(some.sum()) :]
    steps = [_step(one, rows.shape[1]) for one in last]
    return {"kind": "regression", "low": low.tolist(), "high": high.tolist(), "steps": steps}


def _step(fitted: Any, count: int) -> tuple[int, float, list[float]]:
    weights = np.zeros(count)
    weights[fitted.neighbor_feat_idx] = fitted.estimator.coef_
    return int(fitted.feat_idx), float(fitted.estimator.intercept_), weights.tolist()


def _groups(rows: NDArray[np.float64], seed: int) -> list[list[float]]:
    """Averages of what is known in clusters of alike rows; 0, the average of all, where too few know it."""
    known = ~np.isnan(rows)
    filled = np.where(known, rows, 0.0)
    count = max(1, min(MOST_GROUPS, len(rows) // ROWS_A_GROUP))
    with threadpool_limits(1):  # sums split over another number of threads may differ in their last bits
        member = KMeans(count, n_init=1, random_state=seed).fit_predict(filled)
    sums, counts = np.zeros((count, rows.shape[1])), np.zeros((count, rows.shape[1]))
    np.add.at(sums, member, filled)
    np.add.at(counts, member, known)
    averages = np.where(counts >= LEAST_ROWS, sums / np.maximum(counts, 1), 0.0)
    large = np.bincount(member, minlength=count) >= LEAST_ROWS
    return averages[large].tolist() or [[0.0] * rows.shape[1]]
