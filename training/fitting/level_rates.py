"""Trees grown on the outcome rates of a category's levels, out of fold, and stored as trees on its codes.

Codes stand in the order of rates that the fitting rows themselves have shown: among many levels of few rows a tree
would split on what chance has dealt them. Grown on rates, a tree meets each fitting row at what its level's rate is
among customers of other folds, so that no row sees its own label (Micci-Barreca 2001; out of fold as in scikit-learn's
TargetEncoder). Rows to be scored have the rate of all fitting rows. It never falls from code to code, so that "a rate
below t" is "a code below c": that is how a split is stored. No rate is in a bundle, and who scores knows nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from scoring.bundle.manifest import Setting
from scoring.models.stored_model import TREES
from training.data.encode import MANY_LEVELS, WEIGHT
from training.fitting.lesson import Fit, Fitted, Lesson

FOLDS = 5
SUFFIX = "_rates"  # ends the kind of a candidate on rates

Floats = NDArray[np.float64]
Rates = NDArray[np.float32]  # one a code


@dataclass(frozen=True, slots=True)
class RatedFit:
    """A fit of trees, which sees the rates of levels where a category has many."""

    inner: Fit

    def __call__(self, lesson: Lesson, seed: int) -> Fitted:
        """The model fitted on a lesson; the inner fit's own where no category has many levels."""
        rated, tables = on_rates(lesson, seed)
        fitted = self.inner(rated, seed)
        names: Setting = [lesson.features[place].name for place in tables]
        params = {**fitted.params, "rated": names, "rate_prior_rows": WEIGHT, "rate_folds": FOLDS}
        return Fitted(fitted.kind + SUFFIX, {TREES: onto_codes(fitted.files[TREES], tables)}, params)


def on_rates(lesson: Lesson, seed: int) -> tuple[Lesson, dict[int, Rates]]:
    """The lesson with rates in place of codes of many levels, and each such column's rates by code.

    Fitting rows have rates out of fold, stopping rows those of all fitting rows.
    """
    fold = _folds(lesson, seed)
    fit, stop, tables = lesson.fit.copy(), lesson.stop.copy(), dict[int, Rates]()
    for place, feature in enumerate(lesson.features):
        count = len(lesson.codes.get(feature.name, ()))
        if count - 2 < MANY_LEVELS:  # without OTHER and MISSING
            continue
        codes = lesson.fit[:, place].astype(np.int64)
        for number in range(FOLDS):
            others = fold != number
            fit[~others, place] = smoothed(codes[others], lesson.fit_labels[others], count)[codes[~others]]
        tables[place] = rising(codes, lesson.fit_labels, count)
        stop[:, place] = tables[place][lesson.stop[:, place].astype(np.int64)]
    return replace(lesson, fit=fit, stop=stop), tables


def smoothed(codes: NDArray[np.int64], label: Floats, count: int) -> Floats:
    """The outcome rate of each code, drawn to the base rate by as many rows of it as the order of the codes was."""
    hits, rows = np.bincount(codes, weights=label, minlength=count), np.bincount(codes, minlength=count)
    return np.asarray((hits + WEIGHT * label.mean()) / (rows + WEIGHT))


def rising(codes: NDArray[np.int64], label: Floats, count: int) -> Rates:
    """The same, never falling from code to code: neighbours that rows new to the encoder put out of order share one."""
    rows = np.bincount(codes, minlength=count) + WEIGHT
    found = isotonic_regression(smoothed(codes, label, count), sample_weight=rows)
    return np.maximum.accumulate(np.asarray(found, dtype=np.float32))


def onto_codes(stored: bytes, tables: Mapping[int, Rates]) -> bytes:
    """A booster on rates as one on codes: each row goes down the same branches.

    Args:
        stored: The booster, as UBJSON.
        tables: Rates that never fall from code to code, by the place of the feature.
    """
    if not tables:
        return stored
    booster = xgboost.Booster()
    booster.load_model(bytearray(stored))
    document: dict[str, Any] = json.loads(bytes(booster.save_raw("json")))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        asked, splits = np.asarray(tree["split_indices"]), np.asarray(tree["left_children"]) >= 0
        at = np.asarray(tree["split_conditions"], dtype=np.float32)
        for place, rates in tables.items():
            mine = splits & (asked == place)
            at[mine] = np.searchsorted(rates, at[mine], side="left") - 0.5  # that many codes go left
        tree["split_conditions"] = at.tolist()
    booster.load_model(bytearray(json.dumps(document).encode()))
    return bytes(booster.save_raw("ubj"))


def _folds(lesson: Lesson, seed: int) -> NDArray[np.int64]:
    """The fold of each fitting row, whole customers at a time."""
    where = np.arange(len(lesson.fit))
    if lesson.groups is not None:
        where = np.unique(lesson.groups, return_inverse=True)[1]
    dealt: NDArray[np.int64] = np.random.default_rng(seed).permutation(int(where.max(initial=-1)) + 1) % FOLDS
    return dealt[where]
