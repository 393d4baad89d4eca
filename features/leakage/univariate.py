"""What one feature alone explains of the label: groups of rows by its value, and how well they part the classes.

Nothing here is a model: rows are grouped by value (a category by level, a number by value or by equal-count bin, what
is missing by itself), and a group's outcome rate in one half of the customers is tried on the other half.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

BINS = 40  # equal-count bins of a number with more values than that
FREQUENT = 20  # rows from which a value of such a number is looked at by itself; at most `BINS` such values
PRIOR = 5.0  # rows of the base rate that a group's outcome rate is smoothed with
MISSING_GROUP = 0
_day = 86_400_000_000  # microseconds

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Rows grouped by one column's value: group 0 is what is missing, the others rise with the value.

    `names[g]` describes which values group g holds; `ordered` is False for categories.
    """

    codes: Codes
    names: tuple[str, ...]
    ordered: bool


@dataclass(frozen=True, slots=True)
class UnivariateEvidence:
    """What a grouping explains of the label, each group's rate tried on the half of the customers it was not made of.

    `auc` (0..1, 0.5: no information) and its lower bound at about 99.5% (Hanley and McNeil 1982); `explained`, the
    share of the log-loss of the base rate that goes away (higher is better, below 0 for noise); `rows` and `positives`
    by group; `weight`, each row's cross-fitted log-odds against the base rate.
    """

    auc: float
    auc_low: float
    explained: float
    rows: Floats
    positives: Floats
    weight: Floats


def group(cells: pl.Series) -> Grouping:
    """The rows of a feature column, grouped.

    >>> group(pl.Series(["b", None, "a"])).codes.tolist()
    [2, 0, 1]
    """
    if cells.dtype in (pl.String, pl.Boolean):
        texts = cells.cast(pl.String)
        levels = texts.drop_nulls().unique().sort()
        group_codes = range(MISSING_GROUP + 1, len(levels) + 1)
        codes = texts.replace_strict(levels, group_codes, default=MISSING_GROUP, return_dtype=pl.Int64).to_numpy()
        return Grouping(codes, ("missing", *(repr(level) for level in levels)), ordered=False)
    return group_numbers(numbers(cells))


def numbers(cells: pl.Series) -> Floats:
    """A numeric or date column as float64, dates in days since 1970-01-01, NaN where missing."""
    if cells.dtype in (pl.Date, pl.Datetime):
        cells = cells.cast(pl.Datetime("us")).dt.epoch("us") / _day
    return cells.cast(pl.Float64).fill_null(math.nan).to_numpy()


def group_numbers(values: Floats, bins: int = BINS) -> Grouping:
    """Numbers by value where they are few, else in equal-count bins; a frequent value has a bin of its own."""
    missing = np.isnan(values)
    known = np.sort(values[~missing])
    if not len(known):
        return Grouping(np.zeros(len(values), dtype=np.int64), ("missing",), ordered=True)
    first = np.flatnonzero(np.r_[True, known[1:] != known[:-1]])
    if len(first) <= bins:
        distinct = known[first]
        codes = np.searchsorted(distinct, values) + 1
        names = [f"{value:g}" for value in distinct]
    else:
        count = np.diff(np.r_[first, len(known)])
        frequent = first[np.argsort(-count, kind="stable")[:bins]]
        frequent = frequent[np.sort(count)[::-1][:bins] >= FREQUENT]
        edges = np.unique(known[np.r_[np.arange(1, bins) * len(known) // bins, frequent]])
        below = np.searchsorted(edges, values)
        codes = 2 * below + (edges.take(below, mode="clip") == values) + 1
        names = [f"below {edges[0]:g}", *(name for at in range(len(edges)) for name in _bin_names(edges, at))]
    codes[missing] = MISSING_GROUP
    return Grouping(codes.astype(np.int64), ("missing", *names), ordered=True)


def univariate_evidence(codes: Codes, label: Floats, half: Codes) -> UnivariateEvidence:
    """What groups explain of the label (0 or 1); `half` (0 or 1) is the half a row's customer belongs to."""
    size, base = int(codes.max()) + 1, float(label.mean())
    cells = codes * 2 + half
    rows = np.bincount(cells, minlength=2 * size).reshape(size, 2).astype(np.float64)
    positives = np.bincount(cells, weights=label, minlength=2 * size).reshape(size, 2).astype(np.float64)
    rates = (positives[:, ::-1] + PRIOR * base) / (rows[:, ::-1] + PRIOR)  # of the other half
    negatives = rows - positives
    loss = -float((positives * np.log(rates) + negatives * np.log1p(-rates)).sum()) / len(label)
    constant = -(base * math.log(base) + (1 - base) * math.log1p(-base))
    auc = float(np.mean([_auc(rates[:, at], positives[:, at], negatives[:, at]) for at in (0, 1)]))
    weight = np.log(rates / (1 - rates)) - math.log(base / (1 - base))
    return UnivariateEvidence(
        auc,
        auc - 2.58 * _standard_error(auc, float(label.sum()), float(len(label) - label.sum())),
        1 - loss / constant,
        rows.sum(axis=1),
        positives.sum(axis=1),
        weight.reshape(-1)[cells],
    )


def explained_together(weights: Sequence[Floats], label: Floats) -> float:
    """The share of the base rate's log-loss that features explain together, by a ridge logit on cross-fitted log-odds.

    0 for no feature. Newton's method; the penalty is one row's worth on each coefficient.
    """
    if not weights:
        return 0.0
    design = np.column_stack([np.ones(len(label)), *weights])
    base = float(label.mean())
    beta = np.r_[math.log(base / (1 - base)), np.zeros(len(weights))]
    penalty = np.r_[0.0, np.ones(len(weights))]
    loss = _penalised(design, label, beta, penalty)
    for _ in range(12):
        rate = 1 / (1 + np.exp(-design @ beta))
        slope = design.T @ (label - rate) - penalty * beta
        curve = (design * (rate * (1 - rate))[:, None]).T @ design + np.diag(penalty + 1e-6)
        step = np.linalg.solve(curve, slope)
        while (closer := _penalised(design, label, beta + step, penalty)) > loss and np.abs(step).max() > 1e-6:
            step /= 2
        gained, beta, loss = loss - closer, beta + step, closer
        if gained < 1e-5 * loss:
            break
    constant = -(base * math.log(base) + (1 - base) * math.log1p(-base))
    margin = design @ beta
    return 1 - float((np.logaddexp(0, margin) - label * margin).mean()) / constant


def _penalised(design: Floats, label: Floats, beta: Floats, penalty: Floats) -> float:
    margin = design @ beta
    return float((np.logaddexp(0, margin) - label * margin).sum() + 0.5 * (penalty * beta * beta).sum())


def _bin_names(edges: Floats, at: int) -> tuple[str, str]:
    above = f"between {edges[at]:g} and {edges[at + 1]:g}" if at + 1 < len(edges) else f"above {edges[at]:g}"
    return f"{edges[at]:g}", above


def _auc(rates: Floats, positives: Floats, negatives: Floats) -> float:
    """The area under the ROC curve of groups ranked by a rate; groups of one rate are tied. 0.5 without two classes."""
    _, where = np.unique(rates, return_inverse=True)
    ones, zeros = np.bincount(where, weights=positives), np.bincount(where, weights=negatives)
    pairs = float(ones.sum() * zeros.sum())
    return float(((np.cumsum(zeros) - zeros) * ones + 0.5 * zeros * ones).sum()) / pairs if pairs else 0.5


def _standard_error(auc: float, ones: float, zeros: float) -> float:
    """The standard error of an area under the ROC curve (Hanley and McNeil 1982, formula 2)."""
    two_ones, two_zeros = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (ones - 1) * (two_ones - auc * auc) + (zeros - 1) * (two_zeros - auc * auc)
    return math.sqrt(max(variance, 0.0) / (ones * zeros))
