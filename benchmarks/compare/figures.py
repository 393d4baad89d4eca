"""What predictions of the same rows are worth beside each other: log-loss, calibration, and the value of a plan.

Differences are paired, row by row, and their errors by customer. Of a task's competitors the best is the one of the
lowest log-loss on these very rows, which favours it. Over all tasks p-values are corrected as Holm (1979) does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.compare.folds import OURS, Predicted
from training.data.clusters import Clusters
from training.evaluation.metrics import ece_by_chance, measure, row_losses

COST, VALUE, SAVE_RATE = 1.5, 30.0, 0.2  # the planner's example in docs/guide/your-own-data.md
CAPACITY = 500 / 3301  # share of customers that can be contacted: the example of docs/guide/retrain.md
SURE = 0.05
Z = 1.959963984540054

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more one has than another, a row; with a 95% interval and its two-sided p-value."""

    mean: float
    low: float
    high: float
    p: float

    @classmethod
    def of(cls, differences: Floats, clusters: Clusters) -> Difference:
        """From the differences of rows."""
        mean, error = float(differences.mean()), clusters.error(differences)
        p = float(2 * ndtr(-abs(mean) / error)) if error > 0 else float(mean == 0)
        return cls(mean, mean - Z * error, mean + Z * error, p)


@dataclass(frozen=True, slots=True)
class Figures:
    """One task."""

    name: str
    rows: int
    base: tuple[float, float]
    losses: Mapping[str, float]  # mean log-loss by model
    best: str  # of the competitors, by log-loss
    behind: Difference  # our log-loss less the best competitor's
    rank: float  # ours among all, 1 is the best
    ece: Mapping[str, float]
    chance: float  # the ECE that our own probabilities would show by chance
    value: Mapping[str, float]  # net value a customer of the plan
    richest: str  # of the competitors, by net value
    richer: Difference  # our net value less the richest competitor's
    served: tuple[str, ...]

    @classmethod
    def of(cls, name: str, seen: Predicted, *, seed: int) -> Figures:
        """From what all models said of a task's rows."""
        losses = {model: row_losses(seen.label, said) for model, said in seen.said.items()}
        means = {model: float(loss.mean()) for model, loss in losses.items()}
        earned = {model: net_values(seen.label, said, seen.fold) for model, said in seen.said.items()}
        value = {model: float(each.mean()) for model, each in earned.items()}
        others = [model for model in means if model != OURS]
        best, richest = min(others, key=lambda model: means[model]), max(others, key=lambda model: value[model])
        return cls(
            name,
            len(seen.label),
            seen.base,
            means,
            best,
            Difference.of(losses[OURS] - losses[best], seen.clusters),
            1.0 + sum(means[model] < means[OURS] for model in others),
            {model: measure(seen.label, said)["ece"] for model, said in seen.said.items()},
            ece_by_chance(seen.label, seen.said[OURS], seen.clusters, seed=seed),
            value,
            richest,
            Difference.of(earned[OURS] - earned[richest], seen.clusters),
            seen.served,
        )


def net_values(label: Floats, probability: Floats, fold: NDArray[np.int64]) -> Floats:
    """What contacting the customers that a plan names earns, row by row.

    In each fold the plan names those whose expected value is above a contact's cost, the highest first, as far as the
    capacity reaches; where it ends among equal probabilities each of them has the same share.
    """
    contacted = np.zeros(len(label))
    for number in np.unique(fold):
        mine = fold == number
        contacted[mine] = _contacted(probability[mine], CAPACITY * float(mine.sum()))
    return np.asarray(contacted * (label * SAVE_RATE * VALUE - COST))


def _contacted(probability: Floats, capacity: float) -> Floats:
    """The share of each row that is contacted, 0 to 1."""
    worth = probability * SAVE_RATE * VALUE > COST
    levels, where = np.unique(-probability, return_inverse=True)
    size = np.bincount(where, weights=worth, minlength=len(levels))
    before = np.cumsum(size) - size
    return np.asarray(np.clip((capacity - before) / np.maximum(size, 1.0), 0.0, 1.0)[where] * worth)


def holm(p: Sequence[float]) -> list[float]:
    """The p-values corrected for their number, in the order given (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1.0)
    return [float(one) for one in corrected]
