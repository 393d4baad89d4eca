"""What came of the goals of lists, by the results that campaigns keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from msgspec.structs import replace

from monitoring.alerts.goals import Figure, state_of
from monitoring.config.monitor_file import LIST_RATES, GoalSection
from scoring.audiences.campaign import UnknownCampaignError, campaign_named
from scoring.audiences.campaign_result import CampaignResult, result_of
from scoring.audiences.realised_outcomes import wilson
from scoring.health.health_file import GoalProgress, GoalState
from scoring.health.matured_windows import Bounds

_LEVEL = 0.95  # at least: below it nothing is certain


def list_progress(home: Path, goals: Sequence[GoalSection], day: date) -> Iterator[GoalProgress]:
    """The progress of each goal of a list, in the order of the file.

    Args:
        home: Where campaigns are kept.
        goals: As HOME/monitor.toml has them.
        day: That is looked at; until the goal's end has passed a list is not behind, since reports may still come.

    Raises:
        CampaignError: A campaign or its result cannot be read.
    """
    for goal in goals:
        yield _progress(home, goal, day)


def _progress(home: Path, goal: GoalSection, day: date) -> GoalProgress:
    found = GoalProgress(
        segment="",
        campaign=goal.campaign,
        kpi=goal.kpi,
        target=goal.target,
        by=goal.by.isoformat(),
        state="unmeasured",
    )
    try:
        campaign = campaign_named(home, goal.campaign)
    except UnknownCampaignError:
        return found
    found = replace(found, use_case=campaign.list.use_case)
    result = result_of(home, campaign)
    if result is None or result.status in ("pending", "early"):
        return replace(found, state="pending")
    figure = _figure(goal, result) if result.status == "final" else None
    if figure is None:
        return found
    return replace(
        found,
        state=_state(goal, figure.interval, day),
        as_of=(result.known_to or result.as_of).date().isoformat(),
        rows=figure.rows,
        realised=figure.realised,
        interval=figure.interval,
        currency=result.incremental.currency if result.incremental and goal.kpi not in LIST_RATES else None,
    )


def _state(goal: GoalSection, interval: Bounds | None, day: date) -> GoalState:
    state = state_of(goal.kpi, goal.target, interval) if interval else "unsure"
    return "unsure" if state == "behind" and day <= goal.by else state


def _figure(goal: GoalSection, result: CampaignResult) -> Figure | None:
    """The figure of a final result; None where what it needs was not reported, or the arms are cuts of a score."""
    treated, brought = result.arms.get("treated"), result.incremental
    if treated is None or brought is None or not treated.n:
        return None
    if goal.kpi == "value":
        certain = result.effect is not None and result.effect.level >= _LEVEL
        return (
            None
            if brought.value is None
            else Figure(treated.n, brought.value, brought.value_interval if certain else None)
        )
    if goal.kpi == "cost_per_acquisition":
        return _cost_each(brought.cost, treated.answered, treated.n)
    reached = treated.n if goal.kpi == "conversion" or treated.contacted is None else treated.contacted
    if not reached or treated.answered > reached:
        return None
    return Figure(reached, treated.answered / reached, wilson(treated.answered, reached))


def _cost_each(cost: float | None, answered: int, customers: int) -> Figure | None:
    """What each who answered cost; none where no cost is stated, or nobody answered."""
    if cost is None or not answered:
        return None
    low, high = wilson(answered, customers)
    return Figure(customers, cost / answered, (cost / (high * customers), cost / (low * customers)))
