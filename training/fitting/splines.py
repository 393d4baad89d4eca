"""Additive models whose terms bend: a number enters straight and by hinges, whose bends a penalty holds back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from features.config.use_case import ImputationKind
from features.spec.feature import Feature
from scoring.models.additive import SplineTerm, Term
from training.fitting.linear import (
    RIDGE,
    SHARED,
    LinearDocument,
    Scaling,
    constant,
    impute,
    levels_term,
    no_term,
    read_number,
    scale_of,
)

KNOTS = 10  # most hinges of a number
HINGES = 160  # of all numbers together, but for the least of each
FEWEST_KNOTS = 4
SHARED_BY = 10  # rows at an end or beyond it: a model tells of no value that fewer customers have
BENDS = (0.5, 2.5, 10.0)  # how freely a term may bend, the stiffest first: the size of a hinge under one penalty
WIDE = 400  # columns beyond which a curvature of all pairs of them is too much
STEPS = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Column:
    """A number as it enters: standardised values within what was met, and where its hinges open."""

    scaling: Scaling
    low: float
    high: float
    hinges: Floats

    @classmethod
    def of(cls, values: Floats, scaling: Scaling, most: int) -> _Column:
        """Half of the hinges where equal shares of the rows lie between them, half at equal shares of the values."""
        known = np.sort(values[~np.isnan(values)] - scaling.centre) / scaling.spread
        if not len(known):
            return cls(scaling, 0.0, 1.0, known)
        beyond = min(SHARED_BY, (len(known) + 1) // 2)
        low, high = float(known[beyond - 1]), float(known[-beyond])
        met = np.unique(known)
        shares = np.linspace(0, 1, most // 2 + 2)[1:-1]
        hinges = np.unique([np.quantile(of, shares, method="lower") for of in (known, met)])
        within = hinges[(hinges > low) & (hinges < high)] if len(met) > 2 else met[:0]
        return cls(scaling, low, high if high > low else low + 1.0, within)

    def design(self, values: Floats, bend: float) -> Floats:
        """Its columns: the value, whether it is missing, and its hinges."""
        missing = np.isnan(values)
        standard = np.clip((values - self.scaling.centre) / self.scaling.spread, self.low, self.high)
        standard[missing] = 0.0
        bends = bend * np.maximum(standard[:, None] - self.hinges, 0.0)
        bends[missing] = 0.0
        return np.column_stack([standard, missing, bends])

    def term(self, weights: Floats, bend: float, design: Floats) -> tuple[SplineTerm, float]:
        """The term, centred on the rows of its design, and by how much it was moved."""
        knots = np.r_[self.low, self.hinges, self.high]
        places = self.scaling.centre + self.scaling.spread * knots
        heights = weights[0] * knots + bend * np.maximum(knots[:, None] - self.hinges, 0.0) @ weights[2:]
        absent, shift = float(weights[1]) if self.scaling.gaps else 0.0, float((design @ weights).mean())
        term = SplineTerm(self.scaling.log1p, tuple(places.tolist()), tuple((heights - shift).tolist()), absent - shift)
        return term, shift


def fit_splines(
    features: tuple[Feature, ...],
    codes: dict[str, list[str]],
    matrix: NDArray[np.float32],
    label: Floats,
    *,
    used: Collection[str],
    bend: float,
    overlapping: bool = False,
    gaps: ImputationKind = "weight",
    seed: int = 0,
) -> LinearDocument:
    """The document of `model.json`: a ridge logistic regression on the `used` features, whose numbers may bend.

    A hinge is what a number exceeds a knot by, so that its weight is how far the term's slope changes there: under one
    penalty on all weights (Eilers and Marx 1996, on second differences) a term without reason to bend stays straight.
    A number of two values has no hinge, nor has one whose direction is stated. Beyond what was met every term is level,
    as trees are. What `fit_linear` says of scales, gaps, overlapping windows and the mean of terms holds here too.
    """
    if not used:
        return constant(features, codes, float(label.mean()))
    scales = {
        feature.name: scale_of(feature, matrix[:, place].astype(np.float64), always_log=False)
        for place, feature in enumerate(features)
        if feature.name in used and feature.type != "category"
    }
    filling, filled = impute(features, matrix, scales, gaps, seed) if gaps != "weight" and scales else (None, None)
    columns, blocks, most = {}, {}, knots_of(len(scales))
    for place, feature in enumerate(features):
        if feature.name in scales:
            scaling, column = scales[feature.name], matrix[:, place].astype(np.float64)
            values = read_number(column, scaling) if filled is None else filled[:, place]
            columns[feature.name] = _Column.of(values, scaling, 0 if feature.monotone else most)
            blocks[feature.name] = columns[feature.name].design(values, bend)
        elif feature.name in used:
            blocks[feature.name] = np.eye(len(codes[feature.name]))[matrix[:, place].astype(np.int64)]
    weights, intercept = _regress(blocks, label, 1.0 / (SHARED * len(label)) if overlapping else RIDGE)
    terms: list[Term] = []
    for place, feature in enumerate(features):
        term: Term
        if feature.name not in used:
            term, shift = no_term(feature, codes), 0.0
        elif feature.name in columns:
            term, shift = columns[feature.name].term(weights[feature.name], bend, blocks[feature.name])
        else:
            term, shift = levels_term(weights[feature.name], matrix[:, place])
        terms.append(term)
        intercept += shift
    document: LinearDocument = {"intercept": intercept, "terms": terms}
    return document if filling is None else {**document, "gaps": filling}


def knots_of(numbers: int) -> int:
    """How many hinges each of so many numbers has."""
    return min(KNOTS, max(FEWEST_KNOTS, HINGES // max(numbers, 1)))


def _regress(blocks: Mapping[str, Floats], label: Floats, strength: float) -> tuple[dict[str, Floats], float]:
    """The weights of each block, and the intercept."""
    ends = np.cumsum([block.shape[1] for block in blocks.values()])
    design = np.hstack(list(blocks.values()))
    solver = "newton-cholesky" if design.shape[1] <= WIDE else "lbfgs"
    fitted = LogisticRegression(C=strength, solver=solver, max_iter=STEPS, tol=1e-5).fit(design, label)
    weights = np.split(np.asarray(fitted.coef_[0], dtype=np.float64), ends[:-1])
    return dict(zip(blocks, weights, strict=True)), float(fitted.intercept_[0])
