"""What a bundle holds for drawing and planning: the curves of its test rows, and today's market."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from scoring.answers.served_release import Live
from scoring.models.threshold_planner import Market

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Rows with known outcomes, cut at falling probabilities; the last cut takes every row."""

    rows: Floats  # rising
    hits: Floats

    @classmethod
    def of(cls, stored: Mapping[str, Sequence[float]]) -> Curve:
        """One candidate's curve of `curves.json`."""
        return cls(*(np.asarray(stored[name], dtype=np.float64) for name in ("rows", "hits")))

    @cached_property
    def precision(self) -> Floats:
        """The share of outcomes among the rows each cut takes."""
        return self.hits / self.rows

    @cached_property
    def base_rate(self) -> float:
        """The share of outcomes among all rows."""
        return float(self.precision[-1])


@dataclass(frozen=True, slots=True)
class Curves:
    """A model's curve and those of its baselines, all on the same rows."""

    served: Curve
    beside: Mapping[str, Curve]


def curves_of(live: Live) -> Curves | None:
    """The curves its bundle carries; None for a version trained before there were any."""
    stored = live.release.bundle.files.get("curves.json")
    return _curves(stored) if stored else None


def market_of(live: Live) -> Market | None:
    """Today's market, its cuts worked out; None for a version trained before there was one.

    The first call for a release takes some tens of milliseconds, or hundreds where its interval was not kept yet.
    """
    stored = live.release.bundle.files.get("population.json")
    return _market(stored) if stored else None


@lru_cache(maxsize=32)
def _curves(stored: bytes) -> Curves:
    document = json.loads(stored)
    curves = {kind: Curve.of(points) for kind, points in document["candidates"].items()}
    return Curves(curves.pop(document["served"]), curves)


@lru_cache(maxsize=32)
def _market(stored: bytes) -> Market:
    market = Market.from_json(json.loads(stored))
    assert market.cuts  # noqa: S101 worked out here, off the loop that answers
    return market
