"""What of the health of a home somebody should do something about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitoring.config.monitor_file import MonitorFile
from monitoring.state.judge import GRAVITY
from scoring.health.health_file import FeatureDrift, GoalProgress, HealthDocument, HealthReason, UseCaseHealth, Value
from scoring.population.daily_file import failed_run, is_too_old
from scoring.population.days import latest_day

DRIFT = "drift"
LASTS = 0.5  # of the damage from which on a drift alerts: the share below which it has ended
Kind = tuple[str, str, str]  # code, use case, subject


@dataclass(frozen=True, slots=True)
class AlertCause:
    """One thing that is wrong, as of a window."""

    use_case: str  # empty where it is about the day of all
    what: HealthReason
    window: str  # ISO date of the day on which it shows
    subject: str | None = None
    damage: float | None = None

    @property
    def kind(self) -> Kind:
        """What it is the same thing by, window after window."""
        return self.what.code, self.use_case, self.subject or ""

    @property
    def alert_id(self) -> str:
        """The id of an alert that this window opens."""
        return hashlib.sha256("\n".join((*self.kind, self.window)).encode()).hexdigest()[:16]


def causes_of(
    home: Path, health: HealthDocument, file: MonitorFile, standing: frozenset[Kind] = frozenset()
) -> Iterator[AlertCause]:
    """Everything to alert about, use case by use case, then what is about the day.

    Args:
        home: Whose health it is.
        health: As monitoring has just found it.
        file: From where on something is said.
        standing: Of the alerts that have not ended.

    Raises:
        PopulationError: The days of the home, or how old they may be, cannot be read.
    """
    least = GRAVITY.index(file.alerts.state)
    for name, found in sorted(health.use_cases.items()):
        lasting = (DRIFT, name, "") in standing
        for cause in (*_reasons(name, found, health.as_of), *_drifted(name, found, health.as_of, file, lasting)):
            if GRAVITY.index(cause.what.state) >= least:
                yield cause
    if least <= GRAVITY.index("watch"):
        yield from _of_the_day(home)
        yield from _of_goals(health)


def _reasons(name: str, found: UseCaseHealth, as_of: str) -> Iterator[AlertCause]:
    """A cause for each grave reason; drift has its own, by the limits of the file."""
    for reason in found.why:
        if reason.state != "fine" and reason.code != DRIFT:
            subject = next((str(reason.values[key]) for key in ("source", "segment") if key in reason.values), None)
            yield AlertCause(name, reason, str(reason.values.get("day") or as_of)[:10], subject)


def _drifted(name: str, found: UseCaseHealth, as_of: str, file: MonitorFile, lasting: bool) -> Iterator[AlertCause]:
    """One cause for all features whose drift does damage, by the most damaging of them: they have one thing to do.

    One that was alerted about lasts until the damage is well below the limit: around it, it would come and go.
    """
    least = file.limits.moved * (LASTS if lasting else 1)
    damaging = [drift for drift in found.drift if (drift.alert or lasting) and moved_by(drift) >= least]
    if damaging:
        worst = damaging[0]
        values: dict[str, Value] = {
            "feature": worst.feature,
            "moved": moved_by(worst),
            "value": worst.value_at_risk,
            "features": len(damaging),
        }
        yield AlertCause(name, HealthReason(DRIFT, values, "watch"), as_of[:10], damage=worst.value_at_risk)


def moved_by(drift: FeatureDrift) -> float:
    """The share of the customers, or of the list, that a drift moves at most."""
    return max(drift.moved_band, drift.moved_segment, drift.moved_list)


def _of_the_day(home: Path) -> Iterator[AlertCause]:
    """The last run where it failed; the day in service where no list of it may leave."""
    if failed := failed_run(home):
        yield AlertCause("", HealthReason("run_failed", {"day": failed.as_of[:10]}, "watch"), failed.as_of[:10])
    latest = latest_day(home)
    if latest and is_too_old(home, latest.manifest.as_of):
        day = latest.manifest.as_of.date().isoformat()
        yield AlertCause("", HealthReason("day_too_old", {"day": day}, "watch"), day)


def _of_goals(health: HealthDocument) -> Iterator[AlertCause]:
    """The goals that are behind, with certainty."""
    for goal in health.goals:
        if goal.state == "behind" and goal.interval and goal.as_of:
            values: dict[str, Value] = {
                **_whose(goal),
                "target": goal.target,
                "by": goal.by,
                "day": goal.as_of,
                "realised": goal.realised,
                "rate_low": goal.interval[0],
                "rate_high": goal.interval[1],
            }
            code, subject = "goal_behind", goal.segment
            if goal.campaign:
                code, subject = "list_goal_behind", f"{goal.campaign} {goal.kpi}"
            elif goal.kpi in ("orders", "value"):
                code = "mean_goal_behind"
            yield AlertCause(goal.use_case or "", HealthReason(code, values, "watch"), goal.as_of, subject)


def _whose(goal: GoalProgress) -> dict[str, Value]:
    """What a goal is of: a segment, or a list with its figure."""
    figure: dict[str, Value] = {"kpi": goal.kpi, "currency": goal.currency}
    if goal.campaign:
        return {"campaign": goal.campaign, **figure}
    return {"segment": goal.segment, **(figure if goal.kpi in ("orders", "value") else {})}
