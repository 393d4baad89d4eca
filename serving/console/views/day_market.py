"""The customers that the planner plans for: those of the day in service, else those the version was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.answers.served_release import Live
from scoring.models.threshold_planner import Market
from scoring.population.days import PopulationError, latest_day
from scoring.privacy.suppression import SuppressionError
from serving.console.charts.curves import market_of


@dataclass(frozen=True, slots=True)
class MarketToday:
    """The market and the day it is of; None where it is of the version's training."""

    market: Market
    day: str | None = None  # ISO date


def market_today(home: Path, live: Live) -> MarketToday | None:
    """The day's scored customers where this version scored them; None for a version that has no market.

    It reads files, so never on the loop that answers.
    """
    market = market_of(live)
    if market is None:
        return None
    try:
        day = latest_day(home)
        if day is None or day.manifest.models.get(live.release.bundle.manifest.name) != live.release.version:
            return MarketToday(market)
        return MarketToday(_among(live, _scored(home, live).tobytes()), day.manifest.as_of.date().isoformat())
    except (PopulationError, SuppressionError, OSError):
        return MarketToday(market)


def _scored(home: Path, live: Live) -> NDArray[np.float64]:
    """The probabilities of the day's customers, without those who objected or were erased."""
    from scoring.population.customer_pages import CustomerQuery  # few servers need pyarrow, which they bring
    from scoring.population.ranked import open_index

    index, name = open_index(home), live.release.bundle.manifest.name
    return index.probabilities(name)[index.ranked(CustomerQuery(name))]


@lru_cache(maxsize=8)
def _among(live: Live, scored: bytes) -> Market:
    """Kept by what was scored, as a slider asks for the same again and again."""
    market = market_of(live)
    if market is None or not scored:
        raise PopulationError("A day must have scored somebody to plan for it, it has not.")
    today = market.among(np.frombuffer(scored, np.float64))
    assert today.cuts  # noqa: S101 worked out here, off the loop that answers
    return today
