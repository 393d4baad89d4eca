"""Today's market: the population's probabilities, and how far the test rows let them be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.models.calibration import sigmoid
from scoring.models.threshold_planner import Market, by_tick
from training.data.clusters import Clusters
from training.errors import CalibrationError

Floats = NDArray[np.float64]


def market_of(
    population: Floats, probability: Floats, label: NDArray[Any], clusters: Clusters, *, seed: int = 0
) -> Market:
    """The market of a population's probabilities, with the test rows' own as evidence.

    The population's rows are taken to hang together as the test rows do, of which `clusters` are one customer's.
    """
    slope, offset, spread, effect = recalibration(probability, label, clusters)
    return Market(*by_tick(population), slope, offset, spread, seed, effect)


def recalibration(probability: Floats, label: NDArray[Any], clusters: Clusters) -> tuple[float, float, Floats, float]:
    """Slope and offset that the test rows ask of log-odds, their robust covariance, and the residuals' design effect.

    The covariance is White's (1982), by customer (Liang and Zeger 1986). The identity, with the spread of the offset
    alone, where the rows cannot tell a slope.
    """
    from training.fitting.calibrate import fit_calibration

    odds = np.log(probability) - np.log1p(-probability)
    try:
        found = fit_calibration(odds, label)
    except CalibrationError:
        information = float(np.sum(probability * (1 - probability)))
        effect = clusters.design_effect(label - probability)
        return 1.0, 0.0, np.diag([0.0, effect / max(information, 1.0)]), effect
    design = np.stack([odds, np.ones_like(odds)], axis=1)
    chance = sigmoid(found.a * odds + found.b)
    bread = np.linalg.pinv((design * (chance * (1 - chance))[:, None]).T @ design)
    residual = np.asarray(label, dtype=np.float64) - chance
    scores = np.stack([clusters.sums(column) for column in (design * residual[:, None]).T], axis=1)
    return found.a, found.b, bread @ (scores.T @ scores) @ bread, clusters.design_effect(residual)
