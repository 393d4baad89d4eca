"""The models that compete, from the simplest to the richest; each is served by the same bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Protocol

import msgspec
import numpy as np
import polars as pl
import xgboost
from msgspec import Struct
from msgspec.structs import replace as replace_settings
from numpy.typing import NDArray

from features.config.use_case import ImputationKind, ModelSection
from features.spec.feature import Feature
from scoring.bundle.bundle import canonical_json
from scoring.bundle.manifest import Setting
from scoring.models.stored_model import TERMS, TREES
from training.data.encode import has_many_levels
from training.fitting.lesson import Fit, Fitted, Lesson
from training.fitting.level_rates import SUFFIX, RatedFit
from training.fitting.linear import LinearDocument, fit_linear, steepest
from training.fitting.splines import BENDS, fit_splines, knots_of

ROUNDS = 1000  # most trees boosted one after another
PATIENCE = 40  # rounds without a better stopping loss after which boosting ends
FOREST_TREES, FEWEST_TREES = 300, 100
FOREST_CELLS = 600_000_000  # cells times trees that a forest may cost; on more rows its trees differ less, and fewer do
LEAST_REGRESSED, ROWS_A_WEIGHT = 100_000, 1_000  # rows up to which all are regressed on, and those that do a weight
SPLINE_WORK = 3_000_000_000  # rows times columns squared that a regression on bent terms may cost
LEAST_BENT = 20_000  # rows of it all the same
SIGNS = {None: 0, "rises": 1, "falls": -1}  # of a feature's direction
RFM = ("recency", "frequency", "monetary", "tenure")


class Boosting(Struct, frozen=True, rename={"l2": "lambda"}):
    """XGBoost's settings of trees that are boosted one after another."""

    eta: float = 0.05
    max_depth: int = 4
    min_child_weight: float = 10.0
    subsample: float = 0.8
    colsample_bytree: float = 0.8
    l2: float = 5.0


class Forest(Struct, frozen=True, rename={"l2": "lambda"}):
    """XGBoost's settings of trees that add up in one round."""

    num_parallel_tree: int
    eta: float = 1.0
    max_depth: int = 8
    min_child_weight: float = 5.0
    subsample: float = 0.632
    colsample_bynode: float = 0.4
    l2: float = 1.0


OURS = Boosting()
EAGER = Boosting(max_depth=6, min_child_weight=1.0, l2=1.0)  # ours, for outcomes that a table tells nearly exactly
XGBOOSTS_OWN = Boosting(eta=0.3, max_depth=6, min_child_weight=1.0, subsample=1.0, colsample_bytree=1.0, l2=1.0)


class LinearFit(Protocol):
    """A fit of a linear model, which needs to know what a missing value means."""

    def __call__(self, lesson: Lesson, seed: int, gaps: ImputationKind = ...) -> Fitted:
        """The model fitted on a lesson."""


@dataclass(frozen=True, slots=True)
class BoostedFit:
    """A fit of boosted trees, whose settings are fixed by the use case, or found by a search of so many trials.

    `rounds` are those that folds have found: then every row is fitted on, and none stops it.
    """

    settings: Boosting = OURS
    trials: int | None = None  # None: as many as are usual
    rounds: int | None = None

    def __call__(self, lesson: Lesson, seed: int) -> Fitted:
        """The model fitted on a lesson."""
        if self.rounds is None:
            return fit_xgboost(lesson, seed, self.settings)
        return fit_rounds(lesson, seed, self.settings, self.rounds)


@dataclass(frozen=True, slots=True)
class AdditiveFit:
    """A fit of an additive model, whose terms may bend as freely as a search has found."""

    gaps: ImputationKind = "weight"
    bend: float = BENDS[0]

    def __call__(self, lesson: Lesson, seed: int) -> Fitted:
        """The model fitted on a lesson."""
        return fit_additive(lesson, seed, self.gaps, self.bend)


def trees_of(params: Mapping[str, Setting]) -> int:
    """How many trees a row goes down in a model fitted with these settings; 1 for a linear one."""
    if isinstance(trees := params.get("trees"), int):  # of a blend's members together
        return trees
    counts = [params.get(name, 1) for name in ("rounds", "num_parallel_tree")]
    return prod(count for count in counts if isinstance(count, int))


def rfm_features(features: Sequence[Feature], label_event: str | None) -> list[str]:
    """Recency, lifetime frequency and money of the event that is predicted, and tenure; what there is of them."""
    lifetime = [
        feature
        for feature in features
        if feature.family in RFM and feature.window_days is None and feature.event in (label_event, None)
    ]
    return [name for family in RFM if (name := next((f.name for f in lifetime if f.family == family), None))]


def fit_recency(lesson: Lesson, seed: int, gaps: ImputationKind = "weight") -> Fitted:
    """How long ago, and nothing else."""
    return _linear("recency", lesson, seed, gaps, rfm_features(lesson.features, lesson.label_event)[:1])


def fit_rfm_logit(lesson: Lesson, seed: int, gaps: ImputationKind = "weight") -> Fitted:
    """A logistic regression on recency, frequency, money and tenure: the bar of the trade."""
    return _linear("rfm_logit", lesson, seed, gaps, rfm_features(lesson.features, lesson.label_event))


def fit_logit(lesson: Lesson, seed: int, gaps: ImputationKind = "weight") -> Fitted:
    """A logistic regression on every feature but the clocks, along which it would go straight on into the unknown."""
    windows = any(feature.window_days for feature in lesson.features)
    used = [feature.name for feature in lesson.features if feature.name not in lesson.clocks]
    fitted = _linear("logit", lesson, seed, gaps, used, overlapping=windows)
    return replace(fitted, params={**fitted.params, "left_out": sorted(lesson.clocks)})


def fit_additive(lesson: Lesson, seed: int, gaps: ImputationKind = "weight", bend: float = BENDS[0]) -> Fitted:
    """A logistic regression whose numbers may bend at knots, on every feature but the clocks."""
    used = [feature for feature in lesson.features if feature.name not in lesson.clocks]
    numbers = sum(feature.type != "category" for feature in used)
    width = sum(len(lesson.codes.get(feature.name, ())) or 2 + knots_of(numbers) for feature in used)
    matrix, label = learned_rows(lesson, max(LEAST_BENT, SPLINE_WORK // max(width, 1) ** 2), seed=seed)
    fit = partial(
        fit_splines,
        lesson.features,
        lesson.codes,
        matrix,
        label,
        bend=bend,
        overlapping=any(feature.window_days for feature in lesson.features),
        gaps=gaps,
        seed=seed,
    )
    document = _directed(lesson.features, [feature.name for feature in used], lambda names: fit(used=names))
    params: dict[str, Setting] = {"features": len(used), "bend": bend, "left_out": sorted(lesson.clocks)}
    return Fitted("additive", {TERMS: canonical_json(msgspec.to_builtins(document))}, params)


def fit_forest(lesson: Lesson, seed: int) -> Fitted:
    """A random forest whose trees add up in log-odds: parallel trees of one boosting round."""
    trees = max(FEWEST_TREES, min(FOREST_TREES, FOREST_CELLS // max(lesson.fit.size, 1)))
    params: dict[str, Setting] = msgspec.to_builtins(Forest(trees))
    booster = xgboost.train({**params, **_common(lesson, seed)}, lesson.fitting, num_boost_round=1)
    return Fitted("forest", {TREES: bytes(booster.save_raw("ubj"))}, {**params, "seed": seed})


def fit_xgboost(lesson: Lesson, seed: int, settings: Boosting = OURS) -> Fitted:
    """Gradient boosted trees, stopped where the stopping rows no longer gain; only the best rounds are kept."""
    params: dict[str, Setting] = msgspec.to_builtins(settings)
    booster = xgboost.train(
        {**params, **_common(lesson, seed)},
        lesson.fitting,
        num_boost_round=ROUNDS,
        evals=[(lesson.stopping, "stop")],
        callbacks=[xgboost.callback.EarlyStopping(rounds=PATIENCE, save_best=True)],
        verbose_eval=False,
    )
    kept = {"rounds": booster.num_boosted_rounds(), "stopping_loss": float(booster.attr("best_score") or "nan")}
    return Fitted("xgboost", {TREES: bytes(booster.save_raw("ubj"))}, {**params, **kept, "seed": seed})


def fit_rounds(lesson: Lesson, seed: int, settings: Boosting, rounds: int) -> Fitted:
    """So many gradient boosted trees, on the fitting rows alone."""
    params: dict[str, Setting] = msgspec.to_builtins(settings)
    booster = xgboost.train({**params, **_common(lesson, seed)}, lesson.fitting, num_boost_round=rounds)
    return Fitted("xgboost", {TREES: bytes(booster.save_raw("ubj"))}, {**params, "rounds": rounds, "seed": seed})


LINEAR: dict[str, LinearFit] = {"recency": fit_recency, "rfm_logit": fit_rfm_logit, "logit": fit_logit}
SMOOTH = (*LINEAR, "additive")  # a sum of one term a feature
OF_TREES: dict[str, Fit] = {"forest": fit_forest, "xgboost": fit_xgboost}
BOOSTED = ("xgboost", f"xgboost{SUFFIX}")  # whose rounds folds find
ON_RATES = {f"{kind}{SUFFIX}": kind for kind in OF_TREES}  # the same trees, grown on rates of levels


def candidates(
    features: Sequence[Feature],
    label_event: str | None,
    gaps: ImputationKind = "weight",
    model: ModelSection | None = None,
) -> dict[str, Fit]:
    """The candidates of a use case, the simplest first; recency and RFM where there is a log.

    `gaps` is what linear ones make of a number that is missing; trees learn where it goes. Trees on rates come last:
    they are served as any others are, but seldom are more than those. `model` fixes settings of
    boosting or bounds their search.
    """
    barred = () if rfm_features(features, label_event) and label_event else ("recency", "rfm_logit")
    linear = {kind: partial(fit, gaps=gaps) for kind, fit in LINEAR.items() if kind not in barred}
    asked = model or ModelSection()
    fixed = replace_settings(OURS, **asked.fixed)
    boosted = BoostedFit(fixed, 0 if asked.fixed else asked.trials)
    trees: dict[str, Fit] = {**OF_TREES, "xgboost": boosted}
    rated = ((kind, RatedFit(trees[plain])) for kind, plain in ON_RATES.items())
    return {**linear, "additive": AdditiveFit(gaps), **trees, **dict(rated)}


def offered(
    fits: Mapping[str, Fit], features: Sequence[Feature], rows: pl.DataFrame, asked: str | None
) -> dict[str, Fit]:
    """The candidates without those on rates, unless a category has many levels among rows or one of them is asked for.

    Elsewhere they would be the plain trees, fitted twice.
    """
    if has_many_levels(features, rows):
        return dict(fits)
    return {kind: fit for kind, fit in fits.items() if kind not in ON_RATES or kind == asked}


def _directed(
    features: Sequence[Feature], used: list[str], fit: Callable[[list[str]], LinearDocument]
) -> LinearDocument:
    """A sum of terms that keeps every stated direction: a feature whose term goes against its own is left out."""
    while True:
        document = fit(used)
        against = {
            feature.name
            for feature, term in zip(features, document["terms"], strict=True)
            if SIGNS[feature.monotone] * steepest(term) < 0
        }
        if not against:
            return document
        used = [name for name in used if name not in against]


def _linear(
    kind: str, lesson: Lesson, seed: int, gaps: ImputationKind, used: list[str], *, overlapping: bool = False
) -> Fitted:
    """A regression on as many rows as tell.

    With p weights on n rows it is expected to lose p/(2n) nats against the best of its kind (Akaike 1974): a thousand
    rows a weight lose 0.0005, whatever is left out.
    """
    weights = sum(len(lesson.codes.get(name, ("value", "missing"))) for name in used)
    matrix, label = learned_rows(lesson, max(LEAST_REGRESSED, ROWS_A_WEIGHT * weights), seed=seed)
    fit = partial(
        fit_linear,
        lesson.features,
        lesson.codes,
        matrix,
        label,
        always_log=kind != "logit",
        overlapping=overlapping,
        gaps=gaps,
        seed=seed,
    )
    document = _directed(lesson.features, used, lambda names: fit(used=names))
    return Fitted(kind, {TERMS: canonical_json(msgspec.to_builtins(document))}, {"features": len(used)})


def learned_rows(lesson: Lesson, most: int, *, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Fitting and stopping rows with their labels; where there are more, a sample drawn by seed, in their order."""
    fit, rows = len(lesson.fit), len(lesson.fit) + len(lesson.stop)
    taken = np.sort(np.random.default_rng(seed).permutation(rows)[:most]) if rows > most else np.arange(rows)
    own, others = taken[taken < fit], taken[taken >= fit] - fit
    return (
        np.concatenate([lesson.fit[own], lesson.stop[others]]),
        np.concatenate([lesson.fit_labels[own], lesson.stop_labels[others]]),
    )


def _common(lesson: Lesson, seed: int) -> dict[str, str | int]:
    """What every booster is given; constraints where a feature has a direction."""
    ways = [SIGNS[feature.monotone] for feature in lesson.features]
    constraints: dict[str, str | int] = {"monotone_constraints": f"({','.join(map(str, ways))})"} if any(ways) else {}
    return {
        **constraints,
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_bin": lesson.bins,
        "seed": seed,
        "nthread": lesson.threads,
    }
