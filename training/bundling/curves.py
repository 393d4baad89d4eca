"""What the console draws: how many outcomes lie among the highest scores, cut by cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from training.evaluation.metrics import Outcomes

CUTS = 400  # most cuts of the served model's curve, half of them spread evenly and half ever closer to the top
BESIDE = 100  # most cuts of a baseline's

Floats = NDArray[np.float64]


class CurveDocument(TypedDict):
    """The cuts of one set of probabilities, from the highest on."""

    at: list[float]
    rows: list[int]
    hits: list[int]


class CurvesDocument(TypedDict):
    """`curves.json`: the curves of the served model and of its baselines, by kind."""

    rows: int
    hits: int
    candidates: dict[str, CurveDocument]
    served: str


def curves(label: NDArray[Any], served: Mapping[str, Floats]) -> CurvesDocument:
    """The curves of the test rows, the served model's first: `curves.json` of a bundle.

    A cut takes all rows with a probability of at least `at`; `rows` and `hits` count them and their outcomes. No cut
    parts rows of one probability, so a curve may hold fewer cuts than asked; the last one takes every row.
    """
    by_kind = {
        kind: curve_of(label, probability, CUTS if rank == 0 else BESIDE)
        for rank, (kind, probability) in enumerate(served.items())
    }
    return {"rows": len(label), "hits": int(np.sum(label)), "candidates": by_kind, "served": next(iter(served))}


def curve_of(label: NDArray[Any], probability: Floats, most: int) -> CurveDocument:
    """The curve of some rows, with at most so many cuts."""
    outcomes = Outcomes.of(label, probability)
    weight, positive, _ = outcomes.per_run(np.ones(len(outcomes.label)))
    rows, hits = weight.cumsum(), positive.cumsum()
    total = rows[-1]
    wanted = np.r_[np.linspace(0, total, most // 2 + 1), np.geomspace(1, total, most // 2)]
    kept = np.unique(np.searchsorted(rows, wanted - 0.5).clip(max=len(rows) - 1))
    return {
        "at": outcomes.probability[outcomes.starts][kept].tolist(),
        "rows": rows[kept].astype(int).tolist(),
        "hits": hits[kept].astype(int).tolist(),
    }
