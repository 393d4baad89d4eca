"""The day in service on pages: whom the planner plans for, and in a sentence each what is wrong with the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from scoring.answers.served_release import Live
from scoring.models.threshold_planner import Plannable
from scoring.models.uplift_market import EffectEvidence, UpliftMarket
from scoring.population.daily_file import failed_run, is_too_old
from scoring.population.days import PopulationError, days_of, latest_day
from scoring.privacy.suppression import SuppressionError
from serving.console.charts.curves import market_of
from serving.console.web.i18n import Texts


@dataclass(frozen=True, slots=True)
class MarketToday:
    """The market and the day it is of; None where it is of the version's training."""

    market: Plannable
    day: str | None = None  # ISO date
    valued: bool = False  # whether it is known what each customer will bring


def market_today(home: Path, live: Live) -> MarketToday | None:
    """The day's scored customers where this version scored them; None for a version that has no market.

    By uplift where the version serves it; it is known of a day's customers alone, so there is none without a day.

    It reads files, so never on the loop that answers.
    """
    market = None if live.serves_uplift else market_of(live)
    if market is None and not live.serves_uplift:
        return None
    fallback = MarketToday(market) if market else None
    try:
        day = latest_day(home)
        if day is None or day.manifest.models.get(live.release.bundle.manifest.name) != live.release.version:
            return fallback
        return _of_the_day(home, live) or fallback
    except (PopulationError, SuppressionError, OSError):
        return fallback


def _of_the_day(home: Path, live: Live) -> MarketToday | None:
    """By the day in service, which is an earlier one where the latest is damaged; None where not this version's."""
    from scoring.population.customer_pages import CustomerQuery  # few servers need pyarrow, which they bring
    from scoring.population.ranked import open_index

    index, manifest = open_index(home), live.release.bundle.manifest
    if index.day.manifest.models.get(manifest.name) != live.release.version:
        return None
    rows = index.ranked(CustomerQuery(manifest.name))
    if live.serves_uplift:
        if not (good := index.good_uplift(manifest.name)) or not len(rows):
            return None
        effects = index.uplifts(manifest.name)[rows] * (1 if good == "higher" else -1)
        return MarketToday(_by_uplift(live, effects.tobytes()), index.as_of.date().isoformat())
    scored = index.probabilities(manifest.name)[rows]
    valued = bool(index.value_floors(manifest.name))
    worth = index.values(manifest.name)[rows].tobytes() if valued else b""
    return MarketToday(_among(live, scored.tobytes(), worth), index.as_of.date().isoformat(), valued)


@lru_cache(maxsize=8)
def _by_uplift(live: Live, effects: bytes) -> UpliftMarket:
    """Kept by the customers' effects, for the same reason as `_among`."""
    part = live.release.bundle.manifest.uplift
    assert part  # noqa: S101 it is served
    evidence = part.evidence
    seen = evidence.policies["uplift"]
    below, above = ((end / evidence.depth) for end in (seen.mean - seen.low, seen.high - seen.mean))
    return UpliftMarket.of(np.frombuffer(effects, np.float64), EffectEvidence(evidence.depth, below, above))


@lru_cache(maxsize=8)
def _among(live: Live, scored: bytes, worth: bytes) -> Plannable:
    """Kept by what was scored, as a slider asks for the same again and again."""
    market = market_of(live)
    if market is None or not scored:
        raise PopulationError("A day must have scored somebody to plan for it, it has not.")
    today = market.among(np.frombuffer(scored, np.float64), np.frombuffer(worth, np.float64) if worth else None)
    assert today.cuts  # noqa: S101 worked out here, off the loop that answers
    return today


@dataclass(frozen=True, slots=True)
class CustomersToday:
    """How many customers the day in service shows."""

    customers: int
    date: str  # ISO date


def customers_today(home: Path) -> CustomersToday | None:
    """Without those who objected or were erased; None where no day can be read. It reads files: not on the loop."""
    from scoring.population.customer_pages import CustomerQuery  # few servers need pyarrow, which they bring
    from scoring.population.ranked import open_index

    try:
        index = open_index(home)
        return CustomersToday(index.counts(CustomerQuery()).total, index.as_of.date().isoformat())
    except (PopulationError, SuppressionError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class DayNotes:
    """Sentences about the day, and whether its customers may be on a list that leaves."""

    sentences: list[str]
    deliverable: bool = True


def day_notes(home: Path, texts: Texts, *, served: datetime | None = None, now: datetime | None = None) -> DayNotes:
    """What people should know before they rely on the day; it reads files, so never on the loop that answers.

    Args:
        home: Whose days they are.
        texts: In the page's language.
        served: The day that the page shows, where it shows one; None: the latest.
        now: This moment where it is None.
    """
    sentences, deliverable = [], True
    if failed := failed_run(home):
        sentences.append(texts.of("run_failed", at=texts.moment(failed.at or failed.as_of)))
    try:
        days = days_of(home)
        latest = days[-1].manifest.as_of if days else None
        if latest and served and served != latest:
            sentences.append(texts.of("day_damaged", date=texts.date(latest.isoformat())))
        shown = served or latest
        if shown and is_too_old(home, shown, now):
            sentences.append(texts.of("day_too_old", date=texts.date(shown.isoformat())))
            deliverable = False
    except PopulationError:
        return DayNotes([*sentences, texts["day_unknown"]], deliverable=False)
    return DayNotes(sentences, deliverable)
