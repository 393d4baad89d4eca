"""Where bands part: probabilities of four decimals, strictly rising, inside (0, 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.manifest import BandRates
from scoring.models.bands import Ladder
from scoring.models.threshold_planner import TICKS
from training.data.clusters import Clusters
from training.evaluation.metrics import wilson

NEAR = 1e-9  # of a tick, that a probability of four decimals may lie below it
PERCENTILES = (60.0, 90.0)  # top 10 %, next 30 %, the rest

Floats = NDArray[np.float64]


def at_percentiles(probability: Floats, percentiles: Sequence[float]) -> tuple[float, ...]:
    """The thresholds above which the asked shares of a population lie, as nearly as four decimals and ties allow.

    Rows of one probability stay in one band, the one above their threshold; the highest probability is always in the
    highest band and, where there is another, the lowest in the lowest: a label never contradicts its number.

    >>> at_percentiles(np.linspace(0.0, 1.0, 1001), (60, 90))
    (0.6, 0.9)
    >>> at_percentiles(np.array([0.1, 0.1, 0.1, 0.991]), (60, 90))
    (0.1001, 0.991)
    """
    ordered = np.sort(probability)
    where = [min(int(len(ordered) * percentile / 100), len(ordered) - 1) for percentile in percentiles]
    lowest, highest = (math.floor(float(end) * TICKS + NEAR) for end in (ordered[0], ordered[-1]))
    wanted = [_tick(ordered, float(ordered[position])) for position in where]
    if highest - lowest >= len(wanted):  # room for every threshold between the ends
        wanted = [max(tick, lowest + 1 + below) for below, tick in enumerate(wanted)]
        wanted = [min(tick, highest - above) for above, tick in enumerate(reversed(wanted))][::-1]
    return rising([tick / TICKS for tick in wanted])


def around(thresholds: Sequence[float], average: float) -> tuple[float, ...]:
    """The thresholds with the lowest at the average or below it and the highest above it, where they were not.

    Whoever is in the lowest band is then below the average, whoever is in the highest above it.

    >>> around((0.6, 0.9), 0.54), around((0.04, 0.1), 0.12)
    ((0.54, 0.9), (0.04, 0.1201))
    """
    below = math.floor(average * TICKS + NEAR)
    lowest, *between, highest = thresholds
    return rising([min(lowest, below / TICKS), *between, max(highest, (below + 1) / TICKS)])


def _tick(ordered: Floats, value: float) -> int:
    """The nearest tick to a probability; where several rows share it the one below, so that none falls under."""
    shared = np.searchsorted(ordered, value, side="right") - np.searchsorted(ordered, value, side="left") > 1
    return math.floor(value * TICKS + NEAR) if shared else round(value * TICKS)


def at_scores(scores: Sequence[float]) -> tuple[float, ...]:
    """The thresholds that published scores name: 40 is the probability .4."""
    return rising([score / 100 for score in scores])


def rising(wanted: Sequence[float]) -> tuple[float, ...]:
    """The nearest four-decimal thresholds that rise strictly within (0, 1); of equal ones the lower give way.

    >>> rising((0.14, 0.14, 1.0))
    (0.1399, 0.14, 0.9999)
    """
    ticks = [round(threshold * TICKS) for threshold in wanted]
    for position in reversed(range(len(ticks))):
        highest = TICKS - 1 if position == len(ticks) - 1 else ticks[position + 1] - 1
        ticks[position] = min(ticks[position], highest)
    for position in range(len(ticks)):
        ticks[position] = max(ticks[position], ticks[position - 1] + 1 if position else 1)
    return tuple(tick / TICKS for tick in ticks)


def realised(ladder: Ladder, probability: Floats, label: Floats, clusters: Clusters) -> list[BandRates]:
    """Each band's size, expected and realised rate on rows with known outcomes, with a 90% interval."""
    rungs = ladder.rungs(probability)
    return [
        _band(code, probability[mine], label[mine], clusters.taken(mine), len(label))
        for code, mine in zip(ladder.codes, (rungs == rung for rung in range(len(ladder.codes))), strict=True)
    ]


def _band(code: str, probability: Floats, label: Floats, clusters: Clusters, population: int) -> BandRates:
    """A band without a row has no rates: None."""
    rows, hits = len(label), float(label.sum())
    effect = clusters.design_effect(label - hits / rows) if rows else 1.0
    return BandRates(
        code=code,
        rows=rows,
        share=rows / population,
        predicted=float(probability.mean()) if rows else None,
        realised=hits / rows if rows else None,
        **wilson(hits, rows, effect=effect),
    )
