"""How much better one set of probabilities is than another on the same rows, with an interval on the difference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.clusters import Clusters, percentiles
from training.evaluation.metrics import Outcomes, row_losses

LEVEL = 0.95

Floats = NDArray[np.float64]


def paired_gain(
    label: NDArray[Any], challenger: Floats, champion: Floats, clusters: Clusters, *, seed: int
) -> dict[str, Any]:
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


def _interval(mean: float, drawn: list[float], independent: int) -> dict[str, float]:
    low, high = percentiles(drawn, independent, level=LEVEL)
    return {"mean": mean, "low": low, "high": high}
