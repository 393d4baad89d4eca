"""What came of the goals of segments, by the outcomes that are known.

Conversion is the rate of an outcome that is good news, churn that of one that is bad news; orders and value are means
per customer, of what a use case's log says was bought. Figures that campaigns bring are of a list: `list_goals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from scoring.audiences.realised_outcomes import wilson
from scoring.health.health_file import GoalProgress, GoalState
from scoring.health.matured_windows import (
    FEWEST_SUMMED,
    BandOutcome,
    Bounds,
    MaturedWindow,
    SummedFigure,
    read_windows,
)
from scoring.releases.store import manifest_of
from scoring.segments.assignment import current_policy
from scoring.segments.goals import FALLING, Goal, Kpi
from scoring.segments.policy import Policy, Segment

_POLARITY = {"conversion": "positive", "churn": "negative"}  # of a use case whose outcome is the figure
_MEANS: tuple[Kpi, ...] = ("orders", "value")
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Figure:
    """What came of a goal."""

    rows: int  # customers it is of
    realised: float | None
    interval: Bounds | None  # 95%; None where nothing is certain


def goal_progress(home: Path) -> Iterator[GoalProgress]:
    """The progress of each segment that has a goal, in the order of the policy.

    Raises:
        HealthError: The days whose outcome is known are damaged.
        BundleError: A release is.
    """
    policy = current_policy(home)
    for segment in policy.ordered:
        if (goal := segment.guidance.goal) is not None:
            name = _measured_by(home, policy, goal)
            yield _progress(policy, segment, goal, name, read_windows(home, name) if name else ())


def _measured_by(home: Path, policy: Policy, goal: Goal) -> str | None:
    """The use case whose outcome, or whose log, gives the figure; None where there is none."""
    asked = [goal.use_case] if goal.use_case else policy.use_cases
    for name in asked if goal.kpi in _MEANS else ():
        parts = (part for window in read_windows(home, name) for part in window.segments)
        if any(_summed(goal.kpi, part) for part in parts):
            return name
    for name in asked if goal.kpi in _POLARITY else ():
        manifest = manifest_of(home, name)
        if manifest is not None and manifest.polarity == _POLARITY[goal.kpi]:
            return name
    return None


def _progress(
    policy: Policy, segment: Segment, goal: Goal, name: str | None, windows: Sequence[MaturedWindow]
) -> GoalProgress:
    """By the last day until the goal's end on which the segment had members of whom the figure is known."""
    within = {one.code for one in policy.segments if one is segment or segment in policy.ancestors(one)}
    by = goal.by.isoformat()
    found = GoalProgress(
        segment=segment.code, kpi=goal.kpi, target=goal.target, by=by, state="unmeasured", use_case=name
    )
    for day in sorted({window.as_of[:10] for window in windows if window.as_of[:10] <= by}, reverse=True):
        of_the_day = [window for window in windows if window.as_of[:10] == day]
        if goal.kpi in _MEANS:  # the versions of a day scored the same customers, who bought once
            of_the_day = of_the_day[-1:]
        members = [part for window in of_the_day for part in window.segments if part.code in within and part.rows]
        figure = _mean(goal.kpi, members) if goal.kpi in _MEANS else _rate(members)
        if figure is not None:
            return replace(
                found,
                state=state_of(goal.kpi, goal.target, figure.interval) if figure.interval else "unsure",
                as_of=day,
                rows=figure.rows,
                realised=figure.realised,
                interval=figure.interval,
                currency=of_the_day[-1].currency if goal.kpi == "value" else None,
            )
    return found


def _rate(members: Sequence[BandOutcome]) -> Figure | None:
    """The share who had the outcome; None without a member."""
    rows, positives = sum(part.rows for part in members), sum(part.positives for part in members)
    return Figure(rows, positives / rows, wilson(positives, rows)) if rows else None


def _mean(kpi: Kpi, members: Sequence[BandOutcome]) -> Figure | None:
    """The mean per customer with a normal interval; None where it is not known of a part with enough customers to tell.

    With few who bought at all such an interval holds too seldom, and the mean would tell what one of them spent.
    """
    parts = [_summed(kpi, part) for part in members if part.rows >= FEWEST_SUMMED]
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    rows, total = sum(part.rows for part in known), sum(part.total for part in known)
    if sum(part.some for part in known) < FEWEST_SUMMED:
        return Figure(rows, None, None)
    mean = total / rows
    variance = max(0.0, sum(part.squares for part in known) - total * mean) / (rows - 1)
    reach = _Z * (variance / rows) ** 0.5
    return Figure(rows, mean, (mean - reach, mean + reach))


def _summed(kpi: Kpi, part: BandOutcome) -> SummedFigure | None:
    return part.orders if kpi == "orders" else part.value


def state_of(kpi: Kpi, target: float, interval: Bounds) -> GoalState:
    """Whether a figure is certainly on one side of the target, or may be on either."""
    low, high = interval
    if kpi in FALLING:
        low, high, target = -high, -low, -target
    return "reached" if low >= target else "behind" if high < target else "unsure"
