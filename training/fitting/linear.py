"""Logistic regressions in the form a bundle holds: one term a feature, closed-form contributions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from features.config.use_case import ImputationKind
from features.spec.feature import Feature
from scoring.models.additive import LevelsTerm, NumericTerm, Term
from scoring.models.imputation import Filled, Gaps, Imputation
from training.fitting.imputation import learn_imputation

STEEP = 1.0  # skewness from which a non-negative number is read on a logarithmic scale
FLAT = 1e-9  # the least slope of a term with a gap, so that its mean can be moved to 0
RIDGE = 1.0  # inverse strength of the penalty on the standardised columns of a few features
SHARED = 0.02  # the penalty a row where columns overlap: windows that say the same share a weight, none opposes another
STEPS = 500

NOTHING = NumericTerm(log1p=False, centre=0.0, coefficient=0.0, missing=0.0)


class LinearDocument(TypedDict):
    """`model.json`, whose terms `scoring.models.model` declares."""

    intercept: float
    terms: list[Term]
    gaps: NotRequired[Gaps]


@dataclass(frozen=True, slots=True)
class Scaling:
    """How one number enters the regression."""

    log1p: bool
    centre: float
    spread: float
    gaps: float  # share of missing values


def fit_linear(
    features: tuple[Feature, ...],
    codes: dict[str, list[str]],
    matrix: NDArray[np.float32],
    label: NDArray[np.float64],
    *,
    used: Collection[str],
    always_log: bool = False,
    overlapping: bool = False,
    penalty: float | None = None,
    gaps: ImputationKind = "weight",
    seed: int = 0,
) -> LinearDocument:
    """The document of `model.json`: a ridge logistic regression on the `used` features, every other term 0.

    With `overlapping` the penalty is strong and in proportion to the rows: among windows over the same events a weak
    one lets large weights of opposite signs cancel out, and the reasons contradict each other. A `penalty` that is
    stated is that of the squared weights, however many rows there are.

    Numbers are standardised (non-negative skewed ones, or all with `always_log`, after log(1 + x)), a gap has a weight
    of its own or is filled as `gaps` says, a category has one weight a level. Every term's mean over the rows given is
    0, so that the intercept is the log-odds of the average row and each term its feature's Shapley value under
    independent features.
    """
    if not used:
        return constant(features, codes, float(label.mean()))
    scales = {
        feature.name: scale_of(feature, matrix[:, position].astype(np.float64), always_log=always_log)
        for position, feature in enumerate(features)
        if feature.name in used and feature.type != "category"
    }
    filling, filled = impute(features, matrix, scales, gaps, seed) if gaps != "weight" and scales else (None, None)
    strength = 1.0 / (SHARED * len(label)) if overlapping else RIDGE
    strength = strength if penalty is None else 1.0 / penalty
    weights, intercept = _regress(_design(features, codes, matrix, scales, used, filled), label, strength)
    terms: list[Term] = []
    start = 0
    for position, feature in enumerate(features):
        if feature.name not in used:
            terms.append(no_term(feature, codes))
            continue
        width = len(codes[feature.name]) if feature.type == "category" else 2
        mine, start = weights[start : start + width], start + width
        term: Term
        if feature.type == "category":
            term, shift = levels_term(mine, matrix[:, position])
        elif filled is not None:
            term, shift = _filled_term(mine, scales[feature.name], filled[:, position])
        else:
            term, shift = _numeric_term(mine, scales[feature.name])
        terms.append(term)
        intercept += shift
    document: LinearDocument = {"intercept": intercept, "terms": terms}
    return document if filling is None else {**document, "gaps": filling}


def constant(features: tuple[Feature, ...], codes: dict[str, list[str]], rate: float) -> LinearDocument:
    """A model that says one rate, within (0, 1), of everyone: every term is 0."""
    terms = [no_term(feature, codes) for feature in features]
    return {"intercept": float(np.log(rate) - np.log1p(-rate)), "terms": terms}


def impute(
    features: tuple[Feature, ...], matrix: NDArray[np.float32], scales: dict[str, Scaling], kind: Filled, seed: int
) -> tuple[Gaps, NDArray[np.float64]]:
    """What fills the gaps of the used numbers, and the rows it leaves, after the logarithm, as serving fills them."""
    names = [feature.name for feature in features]
    places = [names.index(name) for name in scales]
    rows = matrix.astype(np.float64)
    for place, scale in zip(places, scales.values(), strict=True):
        rows[:, place] = read_number(rows[:, place], scale)
    centres, spreads = [scale.centre for scale in scales.values()], [scale.spread for scale in scales.values()]
    learned = learn_imputation(kind, (rows[:, places] - centres) / spreads, seed=seed)
    document: Gaps = {"places": places, "centres": centres, "spreads": spreads, **learned}
    return document, Imputation.parse(document).fill(rows)


def _design(
    features: tuple[Feature, ...],
    codes: dict[str, list[str]],
    matrix: NDArray[np.float32],
    scales: dict[str, Scaling],
    used: Collection[str],
    filled: NDArray[np.float64] | None,
) -> sparse.csr_matrix:
    """The columns regressed on: one a level, and two a number, its standardised value and whether it is missing.

    Exactly one cell a row and feature is stored, so that many levels cost no memory.
    """
    positions = [position for position, feature in enumerate(features) if feature.name in used]
    values = np.ones((len(matrix), len(positions)))
    columns = np.empty(values.shape, dtype=np.int32)
    start = 0
    for at, position in enumerate(positions):
        feature, column = features[position], matrix[:, position]
        if feature.type == "category":
            columns[:, at] = start + column.astype(np.int32)
            start += len(codes[feature.name])
        else:
            scale = scales[feature.name]
            read = read_number(column.astype(np.float64), scale) if filled is None else filled[:, position]
            missing = np.isnan(read)
            columns[:, at] = start + missing
            values[:, at] = np.where(missing, 1.0, (read - scale.centre) / scale.spread)
            start += 2
    ends = np.arange(len(matrix) + 1) * len(positions)
    return sparse.csr_matrix((values.ravel(), columns.ravel(), ends), shape=(len(matrix), start))


def _regress(
    design: sparse.csr_matrix, label: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], float]:
    fitted = LogisticRegression(C=strength, solver="lbfgs", max_iter=STEPS, tol=1e-6).fit(design, label)
    return np.asarray(fitted.coef_[0], dtype=np.float64), float(fitted.intercept_[0])


def scale_of(feature: Feature, column: NDArray[np.float64], *, always_log: bool) -> Scaling:
    """How a number enters: after its logarithm where it is skewed and never negative, standardised."""
    known = column[~np.isnan(column)]
    if not len(known):
        return Scaling(False, 0.0, 1.0, 1.0)
    deviations = known - known.mean()
    spread = float(known.std())
    cubes = deviations * deviations * deviations  # a power of 3 takes twenty times as long
    skewness = float(cubes.mean()) / spread**3 if spread > 0 else 0.0
    log1p = feature.type in ("number", "integer") and bool(known.min() >= 0) and (always_log or skewness > STEEP)
    values = np.log1p(known) if log1p else known
    spread = float(values.std())
    return Scaling(log1p, float(values.mean()), spread if spread > 0 else 1.0, 1 - len(known) / len(column))


def read_number(column: NDArray[np.float64], scale: Scaling) -> NDArray[np.float64]:
    """A number as its term reads it, after its logarithm where it has one."""
    return np.log1p(np.maximum(column, 0.0)) if scale.log1p else column


def _numeric_term(weights: NDArray[np.float64], scale: Scaling) -> tuple[NumericTerm, float]:
    slope, missing = float(weights[0]) / scale.spread, float(weights[1]) if scale.gaps else 0.0
    shift = scale.gaps * missing
    if shift and abs(slope) < FLAT:
        slope = FLAT
    centre = scale.centre + (shift / slope if shift else 0.0)
    return NumericTerm(scale.log1p, centre, slope, missing - shift), shift


def _filled_term(
    weights: NDArray[np.float64], scale: Scaling, column: NDArray[np.float64]
) -> tuple[NumericTerm, float]:
    slope, centre = float(weights[0]) / scale.spread, float(column.mean())
    term = NumericTerm(scale.log1p, centre, slope, NOTHING.missing)
    return term, slope * (centre - scale.centre)


def levels_term(weights: NDArray[np.float64], column: NDArray[np.float32]) -> tuple[LevelsTerm, float]:
    """The term of a category, centred on the rows of its column, and by how much it was moved."""
    shares = np.bincount(column.astype(np.int64), minlength=len(weights)) / len(column)
    shift = float(shares @ weights)
    return LevelsTerm(tuple((weights - shift).tolist())), shift


def no_term(feature: Feature, codes: dict[str, list[str]]) -> Term:
    """The term of a feature that is not used: 0."""
    return LevelsTerm((0.0,) * len(codes[feature.name])) if feature.type == "category" else NOTHING


def steepest(term: Term) -> float:
    """The slope of a term, its size aside; of a bent one that of its ends, since one with a direction has no bend."""
    if isinstance(term, LevelsTerm):
        return 0.0
    return term.coefficient if isinstance(term, NumericTerm) else term.values[-1] - term.values[0]
