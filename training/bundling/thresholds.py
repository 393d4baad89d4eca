"""Where bands part: probabilities of four decimals, strictly rising, inside (0, 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.models.bands import Ladder
from scoring.models.threshold_planner import TICKS
from training.data.clusters import Clusters
from training.evaluation.metrics import wilson

PERCENTILES = (60.0, 90.0)  # top 10 %, next 30 %, the rest

Floats = NDArray[np.float64]


def at_percentiles(probability: Floats, percentiles: Sequence[float]) -> tuple[float, ...]:
    """The thresholds above which the asked shares of a population lie, as nearly as four decimals and ties allow.

    >>> at_percentiles(np.linspace(0.0, 1.0, 1001), (60, 90))
    (0.6, 0.9)
    """
    ordered = np.sort(probability)
    where = [min(int(len(ordered) * percentile / 100), len(ordered) - 1) for percentile in percentiles]
    return rising([float(ordered[position]) for position in where])


def at_scores(scores: Sequence[float]) -> tuple[float, ...]:
    """The thresholds that published scores name: 40 is the probability .4."""
    return rising([score / 100 for score in scores])


def rising(wanted: Sequence[float]) -> tuple[float, ...]:
    """The nearest four-decimal thresholds that rise strictly within (0, 1); ties part by one step.

    >>> rising((0.14, 0.14, 1.0))
    (0.14, 0.1401, 0.9999)
    """
    ticks = [round(threshold * TICKS) for threshold in wanted]
    for position in range(len(ticks)):
        ticks[position] = max(ticks[position], ticks[position - 1] + 1 if position else 1)
    for position in reversed(range(len(ticks))):
        highest = TICKS - 1 if position == len(ticks) - 1 else ticks[position + 1] - 1
        ticks[position] = min(ticks[position], highest)
    return tuple(tick / TICKS for tick in ticks)


def realised(ladder: Ladder, probability: Floats, label: Floats, clusters: Clusters) -> list[dict[str, Any]]:
    """Each band's size, expected and realised rate on rows with known outcomes, with a 90% interval."""
    rungs = ladder.rungs(probability)
    return [
        _band(code, probability[mine], label[mine], clusters.taken(mine), len(label))
        for code, mine in zip(ladder.codes, (rungs == rung for rung in range(len(ladder.codes))), strict=True)
    ]


def _band(code: str, probability: Floats, label: Floats, clusters: Clusters, population: int) -> dict[str, Any]:
    """A band without a row has no rates: None."""
    rows, hits = len(label), float(label.sum())
    effect = clusters.design_effect(label - hits / rows) if rows else 1.0
    return {
        "code": code,
        "rows": rows,
        "share": rows / population,
        "predicted": float(probability.mean()) if rows else None,
        "realised": hits / rows if rows else None,
        **wilson(hits, rows, effect=effect),
    }
