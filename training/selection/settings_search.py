"""Settings of candidates, searched once on rows that do not fit them, and fits that no lucky seed decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from msgspec.structs import asdict
from numpy.typing import NDArray

from scoring.bundle.manifest import Setting
from training.data.clusters import Clusters
from training.errors import CalibrationError
from training.evaluation.metrics import row_losses
from training.fitting.calibrate import fit_calibration
from training.fitting.candidates import (
    BOOSTED,
    EAGER,
    OURS,
    XGBOOSTS_OWN,
    AdditiveFit,
    BoostedFit,
    Boosting,
    fit_xgboost,
)
from training.fitting.lesson import Fit, Fitted, Lesson
from training.fitting.level_rates import RatedFit
from training.fitting.splines import BENDS

SEARCHED_CELLS = 5_000_000  # cells the search may fit in all; bounded by work, not by a clock, so that it repeats
MOST_TRIALS = 8
SEEDED_CELLS = 20_000_000  # cells the seeds may fit in all
SEEDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SearchedSettings:
    """What a search has found: of boosting, and how freely the terms of an additive model may bend."""

    boosting: Boosting | None = None  # None: nothing was searched, candidates keep their own
    bend: float | None = None
    # after which boosting no longer gained, by kind, in the middle of the folds; none where no fold tells
    rounds: Mapping[str, int] = field(default_factory=dict)

    def found_for(self, kind: str) -> dict[str, Setting]:
        """The settings that a candidate of this kind has from the search, by name; none where it was not searched."""
        if kind in BOOSTED and self.boosting is not None:
            return dict(asdict(self.boosting))
        return {"bend": self.bend} if kind == "additive" and self.bend is not None else {}

    def of(self, fits: Mapping[str, Fit]) -> dict[str, Fit]:
        """The candidates with these settings."""
        found: dict[str, Fit] = dict(fits)
        for kind, fit in fits.items():
            boosted = fit.inner if isinstance(fit, RatedFit) else fit
            if isinstance(boosted, BoostedFit) and self.boosting is not None:
                tuned = replace(boosted, settings=self.boosting, rounds=self.rounds.get(kind))
                found[kind] = RatedFit(tuned) if isinstance(fit, RatedFit) else tuned
        additive = fits.get("additive")
        if isinstance(additive, AdditiveFit) and self.bend is not None:
            found["additive"] = replace(additive, bend=self.bend)
        return found


def search_settings(lesson: Lesson, fits: Mapping[str, Fit], *, seed: int) -> SearchedSettings:
    """What suits the candidates that compete, each searched by itself on the stopping rows."""
    additive, boosted = fits.get("additive"), fits.get("xgboost")
    boosting, bend = None, None
    if isinstance(boosted, BoostedFit):
        boosting = boosted.settings if boosted.trials == 0 else search(lesson, seed=seed, trials=boosted.trials)
    if isinstance(additive, AdditiveFit):
        bend = search_bend(lesson, additive, seed=seed)
    return SearchedSettings(boosting, bend)


def search_bend(lesson: Lesson, fit: AdditiveFit, *, seed: int) -> float:
    """How freely terms may bend: the stiffest that is no more than one paired standard error behind the best."""
    without = replace(lesson, stop=lesson.stop[:0], stop_labels=lesson.stop_labels[:0])
    losses = [_loss_of(replace(fit, bend=bend)(without, seed), lesson) for bend in BENDS]
    best = min(losses, key=lambda loss: float(loss.mean()))
    clusters = lesson.clusters or Clusters.apart(len(best))
    gains = ((bend, loss - best) for bend, loss in zip(BENDS, losses, strict=True))
    return next(bend for bend, behind in gains if behind.mean() <= clusters.error(behind))


def search(lesson: Lesson, *, seed: int, trials: int | None = None) -> Boosting:
    """Boosting settings that beat ours on the stopping rows, eager ones, XGBoost's own or some drawn by seed; or ours.

    Ours are for noisy outcomes, the first two of these for tables that tell nearly all. To beat is by more than one
    paired standard error: the best of several draws is otherwise often the luckiest.
    """
    affordable = min(MOST_TRIALS, SEARCHED_CELLS // max(lesson.fit.size, 1)) if trials is None else trials
    if not affordable:
        return OURS
    random = np.random.default_rng(seed)
    tried = [EAGER, XGBOOSTS_OWN, *(_drawn(random) for _ in range(affordable - 2))][:affordable]
    default = _loss_of(fit_xgboost(lesson, seed), lesson)
    losses = [_loss_of(fit_xgboost(lesson, seed, settings), lesson) for settings in tried]
    best = int(np.argmin([loss.mean() for loss in losses]))
    gain = default - losses[best]
    clusters = lesson.clusters or Clusters.apart(len(gain))
    return tried[best] if gain.mean() > clusters.error(gain) else OURS


def _loss_of(fitted: Fitted, lesson: Lesson) -> Floats:
    margin = fitted.model().margin(lesson.stop).astype(np.float64)
    return np.asarray(np.logaddexp(0.0, margin) - lesson.stop_labels * margin)


def median_fitted(lesson: Lesson, fit: Fit, *, seed: int) -> Fitted:
    """Of several seeds the fit whose calibrated stopping loss is the median, so that a lucky one never wins.

    As many seeds as the rows' number of cells affords, always an odd number; one where there are very many, and where
    every row is fitted on: then nothing tells a lucky seed, and none is picked.
    """
    count = seeds_for(lesson.fit.size) if len(lesson.stop) else 1
    fitted = [fit(lesson, seed + 1000 * number) for number in range(count)]
    scores = [_stopping_loss(lesson, one) for one in fitted] if count > 1 else [0.0]
    return fitted[int(np.argsort(scores, kind="stable")[count // 2])]


def seeds_for(cells: int) -> int:
    """How many seeds fitting rows of so many cells afford."""
    affordable = max(1, min(SEEDS, SEEDED_CELLS // max(cells, 1)))
    return affordable - 1 + affordable % 2


def _stopping_loss(lesson: Lesson, fitted: Fitted) -> float:
    margin = fitted.model().margin(lesson.stop)
    try:
        probability = fit_calibration(margin, lesson.stop_labels).probability(margin)
    except CalibrationError:
        return float("inf")
    return float(row_losses(lesson.stop_labels, probability).mean())


def _drawn(random: np.random.Generator) -> Boosting:
    return Boosting(
        eta=float(random.choice([0.05, 0.08, 0.12])),
        max_depth=int(random.integers(2, 7)),
        min_child_weight=float(random.choice([1.0, 3.0, 10.0, 30.0])),
        subsample=float(random.choice([0.6, 0.8, 1.0])),
        colsample_bytree=float(random.choice([0.5, 0.8, 1.0])),
        l2=float(random.choice([1.0, 5.0, 20.0])),
    )
