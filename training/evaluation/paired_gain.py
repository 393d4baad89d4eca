"""How much better one set of probabilities is than another on the same rows, with an interval on the difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from scoring.text.promotion import Interval
from training.data.clusters import Clusters, percentiles
from training.evaluation.metrics import Outcomes, row_losses

LEVEL = 0.95

Floats = NDArray[np.float64]


class PairedGain(TypedDict):
    """What a challenger gains over a champion on the same rows."""

    challenger_log_loss: float
    champion_log_loss: float
    log_loss_gain: Interval
    roc_auc_gain: Interval
    rows: int


class RateGain(TypedDict):
    """What probabilities tell beyond the rows' own rate."""

    log_loss: float
    base_rate_log_loss: float
    log_loss_gain: Interval
    roc_auc: Interval
    rows: int


def paired_gain(
    label: NDArray[Any], challenger: Floats, champion: Floats, clusters: Clusters, *, seed: int
) -> PairedGain:
    """How much lower the challenger's log-loss is, and how much higher its ROC-AUC, each with a 95% interval.

    The intervals are a bootstrap of the same customers for both models, and on the same draws for both gains.
    """
    new, old = row_losses(label, challenger), row_losses(label, champion)
    better = old - new
    mine, theirs = Outcomes.of(label, challenger), Outcomes.of(label, champion)
    my_order, their_order = (np.argsort(-probability, kind="stable") for probability in (challenger, champion))
    gains, areas, rarer = [], [], clusters.rarer(np.asarray(label))
    for drawn in clusters.draws(seed=seed):
        gains.append(float(np.dot(drawn, better)) / float(drawn.sum()))
        areas.append(mine.roc_auc(drawn[my_order]) - theirs.roc_auc(drawn[their_order]))
    return {
        "challenger_log_loss": float(new.mean()),
        "champion_log_loss": float(old.mean()),
        "log_loss_gain": _interval(float(better.mean()), gains, rarer),
        "roc_auc_gain": _interval(mine.figures()["roc_auc"] - theirs.figures()["roc_auc"], areas, rarer),
        "rows": len(label),
    }


def gain_over_rate(
    label: NDArray[Any], served: Floats, part: NDArray[np.int64], clusters: Clusters, *, seed: int
) -> RateGain:
    """How much probabilities tell beyond the rows' own rate: in log-loss, and in ROC-AUC, each with a 95% interval.

    `part`, 0, 1, ..., is who predicted each row. Every part is compared to its own rate, the best of all constants,
    and ranked by itself: of all pairs of a positive and a negative row of one part, how many are in order.
    """
    order = np.argsort(-served, kind="stable")  # as `intervals` draws: of one part its ROC-AUC has the same interval
    label, served, part, clusters = np.asarray(label)[order], served[order], part[order], clusters.taken(order)
    parts = [np.flatnonzero(part == number) for number in range(int(part.max()) + 1)]
    rate = np.empty(len(label))
    for mine in parts:
        rate[mine] = label[mine].mean()
    ours, constant = row_losses(label, served), row_losses(label, rate)
    better = constant - ours
    outcomes = [
        (mine[np.argsort(-served[mine], kind="stable")], Outcomes.of(label[mine], served[mine])) for mine in parts
    ]
    gains, areas, rarer = [], [], clusters.rarer(label)
    for drawn in clusters.draws(seed=seed):
        gains.append(float(np.dot(drawn, better)) / float(drawn.sum()))
        areas.append(_area(outcomes, drawn))
    return {
        "log_loss": float(ours.mean()),
        "base_rate_log_loss": float(constant.mean()),
        "log_loss_gain": _interval(float(better.mean()), gains, rarer),
        "roc_auc": _interval(_area(outcomes, np.ones(len(label))), areas, rarer),
        "rows": len(label),
    }


def _area(outcomes: Sequence[tuple[NDArray[np.intp], Outcomes]], weights: Floats) -> float:
    """The share of pairs within the parts that are in order; NaN where no part has both classes."""
    ordered = pairs = 0.0
    for order, one in outcomes:
        weight = weights[order]
        positive = float(np.dot(weight, one.label))
        count = positive * (float(weight.sum()) - positive)
        if count > 0:
            ordered, pairs = ordered + count * one.roc_auc(weight), pairs + count
    return ordered / pairs if pairs else float("nan")


def _interval(mean: float, drawn: list[float], independent: int) -> Interval:
    low, high = percentiles(drawn, independent, level=LEVEL)
    return {"mean": mean, "low": low, "high": high}
