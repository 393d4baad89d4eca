"""What came of the goals of segments, by the outcomes that are known.

Conversion is the rate of an outcome that is good news, churn that of one that is bad news. Other figures are not
measured of a segment; those that campaigns bring are of a list: `list_goals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scoring.audiences.realised_outcomes import wilson
from scoring.health.health_file import GoalProgress, GoalState
from scoring.health.matured_windows import Bounds, MaturedWindow, read_windows
from scoring.releases.store import manifest_of
from scoring.segments.assignment import current_policy
from scoring.segments.goals import FALLING, Goal, Kpi
from scoring.segments.policy import Policy, Segment

_POLARITY = {"conversion": "positive", "churn": "negative"}  # of a use case whose outcome is the figure


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
    """The use case whose outcome is the figure; None where there is none."""
    asked = [goal.use_case] if goal.use_case else policy.use_cases
    for name in asked if goal.kpi in _POLARITY else ():
        manifest = manifest_of(home, name)
        if manifest is not None and manifest.polarity == _POLARITY[goal.kpi]:
            return name
    return None


def _progress(
    policy: Policy, segment: Segment, goal: Goal, name: str | None, windows: Sequence[MaturedWindow]
) -> GoalProgress:
    """By the last day until the goal's end on which the segment had members."""
    within = {one.code for one in policy.segments if one is segment or segment in policy.ancestors(one)}
    by = goal.by.isoformat()
    for day in sorted({window.as_of[:10] for window in windows if window.as_of[:10] <= by}, reverse=True):
        of_the_day = [part for window in windows if window.as_of[:10] == day for part in window.segments]
        members = [part for part in of_the_day if part.code in within]
        rows, positives = sum(part.rows for part in members), sum(part.positives for part in members)
        if rows:
            return GoalProgress(
                segment=segment.code,
                kpi=goal.kpi,
                target=goal.target,
                by=by,
                state=state_of(goal.kpi, goal.target, interval := wilson(positives, rows)),
                use_case=name,
                as_of=day,
                rows=rows,
                realised=positives / rows,
                interval=interval,
            )
    return GoalProgress(
        segment=segment.code, kpi=goal.kpi, target=goal.target, by=by, state="unmeasured", use_case=name
    )


def state_of(kpi: Kpi, target: float, interval: Bounds) -> GoalState:
    """Whether a figure is certainly on one side of the target, or may be on either."""
    low, high = interval
    if kpi in FALLING:
        low, high, target = -high, -low, -target
    return "reached" if low >= target else "behind" if high < target else "unsure"
