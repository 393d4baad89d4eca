"""How much better one set of probabilities is than another on the same rows, with an interval on the difference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.metrics import Outcomes, draws, row_losses

LEVEL = 0.95

Floats = NDArray[np.float64]


def paired_gain(label: NDArray[Any], challenger: Floats, champion: Floats, *, seed: int) -> dict[str, Any]:
    """How much lower the challenger's log-loss is, and how much higher its ROC-AUC, each with a 95% interval.

    The intervals are a percentile bootstrap over the same rows for both models, and on the same draws for both gains.
    """
    new, old = row_losses(label, challenger), row_losses(label, champion)
    better = old - new
    mine, theirs = Outcomes.of(label, challenger), Outcomes.of(label, champion)
    my_order, their_order = (np.argsort(-probability, kind="stable") for probability in (challenger, champion))
    gains, areas = [], []
    for drawn in draws(len(label), seed=seed):
        gains.append(float(np.dot(drawn, better)) / len(better))
        areas.append(mine.roc_auc(drawn[my_order]) - theirs.roc_auc(drawn[their_order]))
    return {
        "challenger_log_loss": float(new.mean()),
        "champion_log_loss": float(old.mean()),
        "log_loss_gain": _interval(float(better.mean()), gains),
        "roc_auc_gain": _interval(mine.figures()["roc_auc"] - theirs.figures()["roc_auc"], areas),
        "rows": len(label),
    }


def _interval(mean: float, drawn: list[float]) -> dict[str, float]:
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"mean": mean, "low": float(low), "high": float(high)}
