"""HOME/monitoring/health.json: whether the scores of each use case are to be trusted today, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from features.spec.atomic import write_file
from scoring.health.matured_windows import (
    MONITORING,
    BaselineQuality,
    Bounds,
    EstimatedQuality,
    HealthError,
    MeasuredQuality,
)

HEALTH = "health.json"
HealthState = Literal["fine", "watch", "distrust"]
GoalState = Literal["reached", "behind", "unsure", "pending", "unmeasured"]  # the first two with certainty
Value = str | int | float | None


class HealthReason(Struct, frozen=True):
    """Something that people should know, as `scoring.text.health_reasons` renders it."""

    code: str
    values: dict[str, Value] = {}
    state: HealthState = "fine"  # what it speaks for


class RealisedQuality(MeasuredQuality, frozen=True, kw_only=True):
    """The last day whose outcome is known."""

    as_of: str
    version: str
    rfm_logit: BaselineQuality | None = None
    changed: int = 0  # outcomes that came late or were corrected


class FeatureDrift(Struct, frozen=True, kw_only=True):
    """A feature of today beside the customers that the model was trained on, and what its drift does to scores.

    Damage is of the sampled customers who would stand elsewhere, had the feature the distribution it was learned with.
    """

    feature: str
    psi: float
    p: float | None  # of a two-sample test; None where there is nothing to test against
    moved_band: float  # share of the customers
    moved_segment: float
    moved_list: float  # share of the list at capacity that others would be on
    value_at_risk: float | None = None  # in the planner's money, of all customers; None where no plan has a worth
    alert: bool = False  # certain after correction for many features, and of consequence
    new_categories: tuple[str, ...] = ()
    lost_categories: tuple[str, ...] = ()


class ScoreDrift(Struct, frozen=True, kw_only=True):
    """The scores and segments of a day beside those that were learned, and beside the day before."""

    psi: float | None  # of the percentile's tenths against the test rows
    psi_before: float | None = None  # of the scores against the day before
    segments_before: float | None = None  # of the sizes of segments against the day before
    mean: float | None = None  # probability
    average: float | None = None  # the rate that was learned


class ServedDrift(Struct, frozen=True, kw_only=True):
    """What came by one door lately, beside what the model was fitted on; no row is kept, so no damage is known."""

    door: Literal["http", "batch"]
    first: str  # ISO dates of the days on which it came
    last: str
    rows: int  # that were scored
    counted: int  # of them, that the figures are of
    psi: dict[str, float] = {}  # by feature, the furthest first; none of too few rows
    score_psi: float | None = None


class DataQuality(Struct, frozen=True, kw_only=True):
    """What came in for the day."""

    customers: int
    scored: int
    rejected_rows: int | None = None  # of the source; None where none were set aside
    rejected_share: float | None = None
    missing: dict[str, float] = {}  # share of the sampled customers by feature, where it is far from what was learned


class SourceFreshness(Struct, frozen=True):
    """How far a source reaches, as of the day."""

    source: str
    fresh_to: str | None  # ISO date of its last row
    days: int | None  # before the day
    usual: int = 0  # days that it is silent for in the ordinary course, lately and at this time of the year


class ModelAge(Struct, frozen=True, kw_only=True):
    """The model that scored the day."""

    version: str
    trained_to: str | None
    days: int | None  # since the end of the data it learned from, which has the outcome of the day it was trained to


class UseCaseHealth(Struct, frozen=True, kw_only=True):
    """One use case."""

    state: HealthState
    why: tuple[HealthReason, ...]  # the gravest first
    realised: RealisedQuality | None = None  # None until a day's outcome is known
    estimate: EstimatedQuality | None = None  # of the day
    drift: tuple[FeatureDrift, ...] = ()  # the most damaging first
    scores: ScoreDrift | None = None
    served: tuple[ServedDrift, ...] = ()  # over HTTP and in batches, where anything came
    given: RealisedQuality | None = None  # over HTTP and logged, on the last day whose outcome is known
    quality: DataQuality | None = None
    sources: tuple[SourceFreshness, ...] = ()
    age: ModelAge | None = None
    pending: tuple[str, ...] = ()  # ISO moments of days whose outcome is not known yet
    next_known: str | None = None  # ISO date on which the earliest of them is


class HealthAlert(Struct, frozen=True, kw_only=True):
    """Something that somebody should do."""

    id: str  # the same as long as it is the same thing
    use_case: str  # empty where it is about the day of all use cases
    state: Literal["open", "acknowledged", "ended"]
    since: str  # ISO date
    what: HealthReason
    damage: float | None = None  # in the planner's money, where there is one
    subject: str | None = None  # the source or segment it is about, where it is about one
    acknowledged_by: str | None = None
    acknowledged: str | None = None  # ISO moment
    ended: str | None = None  # ISO moment
    queued: str | None = None  # ISO moment at which it was given to delivery; None: never


class GoalProgress(Struct, frozen=True, kw_only=True):
    """What came of a goal: of a segment on the last day until its end whose outcome is known, of a list once final."""

    segment: str  # code; empty where the goal is a list's
    kpi: str
    target: float
    by: str  # ISO date
    state: GoalState
    use_case: str | None = None  # whose outcome measures it; None where none does
    as_of: str | None = None  # ISO date of the day
    rows: int = 0  # members whose outcome is known
    realised: float | None = None
    interval: Bounds | None = None  # 95%
    campaign: str | None = None  # id, where the goal is a list's
    currency: str | None = None  # of amounts, where it is known


class HealthDocument(Struct, frozen=True, kw_only=True):
    """The whole file, as `penchant monitor --json` prints it."""

    as_of: str  # ISO moment of the day that was looked at
    use_cases: dict[str, UseCaseHealth]
    alerts: tuple[HealthAlert, ...] = ()
    goals: tuple[GoalProgress, ...] = ()  # of segments and lists that have one


def health_path(home: Path) -> Path:
    """Where the health of a home stands, or would."""
    return home / MONITORING / HEALTH


def read_health(home: Path) -> HealthDocument | None:
    """The health of a home as monitoring last found it; None where it never looked.

    Raises:
        HealthError: The file is damaged.
    """
    file = health_path(home)
    try:
        return _DECODE(file.read_bytes()) if file.exists() else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HealthError(f"{HEALTH} must be what monitoring wrote, got {type(error).__name__}.") from error


def write_health(home: Path, document: HealthDocument) -> None:
    """Replaces the health of a home; the same health is the same bytes."""
    encoded = msgspec.json.encode(document, order="deterministic")
    write_file(health_path(home), msgspec.json.format(encoded, indent=1) + b"\n")


# msgspec looks a type up when it is first used, and crashes where two threads do that at once: here it is done before.
_DECODE = msgspec.json.Decoder(HealthDocument).decode
