"""The final table: every band has a line, also one in which no test row lies."""

from __future__ import annotations

import re

import numpy as np

from scoring.models.bands import Ladder
from training.bundling.thresholds import realised
from training.data.clusters import Clusters
from training.evaluation.metrics import METRICS
from training.registry.lines import TrainingLine
from training.report.run_record import _band
from training.report.terminal import training_table

PROBABILITY = np.array([0.1, 0.2, 0.5, 0.6])
LABEL = np.array([0.0, 0.0, 1.0, 1.0])


def line() -> TrainingLine:
    """A use case's line of the training report whose highest band, above a score of 99.5, is empty."""
    ladder = Ladder(("low", "medium", "high"), (0.4, 0.995))
    bands = zip(realised(ladder, PROBABILITY, LABEL, Clusters.apart(4)), (0.0, *ladder.thresholds), strict=True)
    return {
        "name": "churn",
        "version": "1",
        "kind": "logit",
        "promoted": True,
        "refused": False,
        "release": "releases/churn/1",
        "reason": "The first model.",
        "rows": {"train": 16, "test": 4},
        "base_rate": {"train": 0.5, "test": 0.5},
        "metrics": dict.fromkeys(METRICS, 0.5),
        "intervals": {name: [0.4, 0.6] for name in METRICS},
        "baselines": {},
        "verdict": "",
        "worth": None,
        "bands": [_band(band, at) for band, at in bands],
        "findings": [],
        "receipt": {},
        "decision": {},
        "report": None,
        "seconds": {},
    }


def test_a_band_without_a_test_row_says_so() -> None:
    """A band that no test row reaches has a line with its start, and no rate of nothing."""
    (high,) = [row for row in training_table([line()]).splitlines() if row.startswith("  high")]

    assert re.split(r"\s{2,}", high.strip()) == ["high", "0.9950", "0", "0.0%", "no test row"]
