"""How much each feature weighs, by five criteria side by side; none of them is a cause.

- `correlation`: Spearman's rank correlation with the outcome (point-biserial on ranks; average ranks, gaps in the
  middle), -1..1.
- `information`: mutual information with the outcome over ten equal-count bins, levels or gaps, in nats, >= 0.
- `logistic`: the coefficient of the standardised feature in a ridge logistic regression on all of them, log-odds.
- `gain`: the share of the total gain of a small booster (`ROUNDS` trees of depth `DEPTH`), 0..1.
- `shap`: the mean absolute contribution to the served score, calibrated log-odds, >= 0.

Each has a 95% interval by `DRAWS` seeded bootstrap draws of customers and a rank by size, 1 = heaviest. Draws weigh the
rows anew: ranks and bins stay, the logistic coefficient takes one Newton step (Kline and Santos 2012), the booster is
fitted anew on each of `REFITS` draws and its gain is their mean, so that its interval is rough. Rows are stopping and
calibration rows, which the encoder has not learned from, at most `SAMPLE` of them; of a model of very many trees fewer,
so that contributions cost `WALKS` rows times trees, but never fewer than `LEAST`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import numpy as np
import xgboost
from numpy.typing import NDArray

from scoring.bundle.published_contributions import published_contributions
from training.fitting.candidates import trees_of
from training.selection.winner import Learned

SAMPLE, DRAWS, REFITS, ROUNDS, DEPTH = 4000, 100, 10, 30, 3
LEAST, WALKS = 1000, 2_000_000
BINS, COMPONENTS = 10, 3
RIDGE = 1.0
LEVEL = 0.95

CRITERIA = ("correlation", "information", "logistic", "gain", "shap")
SHOWN = 15

Floats = NDArray[np.float64]


class Criterion(TypedDict):
    """A feature by one criterion, with its interval; rank 1 is the heaviest."""

    value: float
    low: float
    high: float
    rank: int


class FeatureCriteria(TypedDict):
    """A feature by every criterion, and its loadings on the components."""

    feature: str
    correlation: Criterion
    information: Criterion
    logistic: Criterion
    gain: Criterion
    shap: Criterion
    loadings: list[float]


class ComponentShare(TypedDict):
    """The share of the variance that a principal component explains."""

    explained: float


class CriteriaDocument(TypedDict):
    """`criteria.json`: all features, and on how many rows and draws their criteria stand."""

    rows: int
    rows_in_all: int
    draws: int
    level: float
    components: list[ComponentShare]
    features: list[FeatureCriteria]


def criteria(learned: Learned, *, seed: int) -> CriteriaDocument:
    """The criteria of every feature, and its loadings on the principal components of all of them."""
    lesson, taught = learned.taught.lesson, learned.taught
    matrix = np.concatenate([lesson.stop, taught.calibrate])
    label = np.concatenate([lesson.stop_labels, taught.calibrate_labels])
    random = np.random.default_rng(seed)
    most = min(SAMPLE, max(LEAST, WALKS // trees_of(learned.winner.fitted.params)))
    taken = np.sort(random.permutation(len(label))[:most])
    rows, outcome = matrix[taken], label[taken]
    who = taught.clusters.taken(taken)
    draws = random.multinomial(who.count, np.full(who.count, 1 / who.count), DRAWS).astype(np.float64)[:, who.where]
    plain = standardised(rows.astype(np.float64))
    winner = learned.winner
    contributions = np.abs(published_contributions(winner.model, winner.calibration.a, rows, in_bulk=True))
    refitted = gains(rows, outcome, draws[:REFITS], seed=seed)
    weighed = {
        "correlation": _drawn(lambda weights: correlations(ranks(rows), outcome, weights), draws),
        "information": _drawn(lambda weights: information(rows, outcome, weights), draws),
        "logistic": coefficients(plain, outcome, draws),
        "gain": (refitted.mean(axis=0), refitted),
        "shap": _drawn(lambda weights: weights @ contributions / weights.sum(axis=1, keepdims=True), draws),
    }
    loadings, explained = components(plain)
    names = [feature.name for feature in taught.features]
    return {
        "rows": len(taken),
        "rows_in_all": len(label),
        "draws": DRAWS,
        "level": LEVEL,
        "components": [{"explained": share} for share in explained],
        "features": [
            {
                "feature": name,
                "correlation": _cell(*weighed["correlation"], at),
                "information": _cell(*weighed["information"], at),
                "logistic": _cell(*weighed["logistic"], at),
                "gain": _cell(*weighed["gain"], at),
                "shap": _cell(*weighed["shap"], at),
                "loadings": loadings[at].tolist(),
            }
            for at, name in enumerate(names)
        ],
    }


def heaviest(weighed: CriteriaDocument) -> list[FeatureCriteria]:
    """The features that weigh most in the served score, the heaviest first."""
    return sorted(weighed["features"], key=lambda row: row["shap"]["rank"])[:SHOWN]


def ranks(rows: NDArray[np.float32]) -> Floats:
    """Average ranks by column, a gap at the middle rank."""
    ranked = np.empty(rows.shape)
    for at in range(rows.shape[1]):
        column = rows[:, at]
        known = ~np.isnan(column)
        _, where, counts = np.unique(column[known], return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        ranked[known, at] = (ends - (counts - 1) / 2)[where]
        ranked[~known, at] = (known.sum() + 1) / 2
    return ranked


def correlations(values: Floats, label: Floats, weights: Floats) -> Floats:
    """Pearson correlations of columns with a label under each row of weights, shape (weights, columns); flat is 0."""
    total = weights.sum(axis=1, keepdims=True)
    mean, mean_y = weights @ values / total, weights @ label[:, None] / total
    spread = weights @ values**2 / total - mean**2
    covariance = weights @ (values * label[:, None]) / total - mean * mean_y
    scale = np.sqrt(np.maximum(spread, 0) * mean_y * (1 - mean_y))
    correlation: Floats = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 1e-12)
    return correlation


def information(rows: NDArray[np.float32], label: Floats, weights: Floats) -> Floats:
    """Mutual information of each column's bins with a label under each row of weights, in nats."""
    return np.column_stack([_information(_binned(rows[:, at]), label, weights) for at in range(rows.shape[1])])


def standardised(rows: Floats) -> Floats:
    """Columns with mean 0 and spread 1, gaps at the mean; a column that is flat is 0."""
    known = ~np.isnan(rows)
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, rows - np.where(known, rows, 0.0).sum(axis=0) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / len(rows))
    scaled: Floats = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-12)
    return scaled


def gains(rows: NDArray[np.float32], label: Floats, weights: Floats, *, seed: int) -> Floats:
    """The share of the total gain by column, of a small booster fitted under each row of weights."""
    params = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": DEPTH, "eta": 0.2, "seed": seed}
    params |= {"nthread": 1, "max_bin": 64}
    gains = np.zeros((len(weights), rows.shape[1]))
    data = xgboost.QuantileDMatrix(rows, label=label, max_bin=64, nthread=1)
    for at, weight in enumerate(weights):
        data.set_weight(weight)
        booster = xgboost.train(params, data, num_boost_round=ROUNDS)
        for name, gain in booster.get_score(importance_type="total_gain").items():
            gains[at, int(name[1:])] = gain
    shares: Floats = gains / np.maximum(gains.sum(axis=1, keepdims=True), 1e-12)
    return shares


def components(plain: Floats) -> tuple[Floats, list[float]]:
    """Loadings on the first principal components, shape (columns, components), and the variance each explains.

    A loading is the correlation of a column with a component; each component's heaviest loading is positive.
    """
    _, sizes, axes = np.linalg.svd(plain, full_matrices=False)
    kept = min(COMPONENTS, len(sizes))
    loadings = (axes[:kept] * sizes[:kept, None]).T / np.sqrt(len(plain))
    heaviest = loadings[np.abs(loadings).argmax(axis=0), np.arange(kept)]
    return loadings * np.where(heaviest < 0, -1.0, 1.0), (sizes[:kept] ** 2 / (sizes**2).sum()).tolist()


def coefficients(plain: Floats, label: Floats, draws: Floats) -> tuple[Floats, Floats]:
    """Ridge logistic coefficients of standardised columns, on all rows and one Newton step on under each draw."""
    design = np.column_stack([np.ones(len(plain)), plain])
    penalty = np.r_[0.0, np.full(plain.shape[1], RIDGE)]
    beta = np.zeros(design.shape[1])
    for _ in range(25):
        rate = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        curve = (design * (rate * (1 - rate))[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curve, design.T @ (label - rate) - penalty * beta)
        beta += step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    slopes = draws @ (design * (label - rate)[:, None]) - penalty * beta
    return beta[1:], (beta + np.linalg.solve(curve, slopes.T).T)[:, 1:]


def _drawn(measure: Callable[[Floats], Floats], draws: Floats) -> tuple[Floats, Floats]:
    """A criterion with every row weighing the same, and under each draw."""
    return measure(np.ones((1, draws.shape[1])))[0], measure(draws)


def _cell(values: Floats, drawn: Floats, at: int) -> Criterion:
    low, high = np.quantile(drawn[:, at], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    rank = 1 + int((np.abs(values) > abs(values[at])).sum())
    return {"value": float(values[at]), "low": float(low), "high": float(high), "rank": rank}


def _binned(column: NDArray[np.float32]) -> NDArray[np.int64]:
    known = column[~np.isnan(column)]
    distinct = np.unique(known)
    if len(distinct) > BINS:
        distinct = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="lower"))
    bins = np.searchsorted(distinct, column, side="right")
    bins[np.isnan(column)] = len(distinct) + 1
    return bins


def _information(bins: NDArray[np.int64], label: Floats, weights: Floats) -> Floats:
    one_hot = np.eye(int(bins.max()) + 1)[bins]
    total = weights.sum(axis=1, keepdims=True)
    both = np.stack([weights @ (one_hot * (1 - label)[:, None]), weights @ (one_hot * label[:, None])]) / total
    apart = both.sum(axis=0, keepdims=True) * both.sum(axis=2, keepdims=True)
    ratio = np.divide(both, apart, out=np.ones_like(both), where=both > 0)
    information: Floats = (both * np.log(ratio)).sum(axis=(0, 2))
    return information
