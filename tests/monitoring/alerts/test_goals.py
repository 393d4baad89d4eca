"""What came of goals, and who is alerted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring.alerts.goals import goal_progress
from monitoring.cli.alert_commands import alert_about
from scoring.health.health_file import HealthDocument
from scoring.health.matured_windows import BandOutcome, MaturedWindow, MeasuredQuality, write_windows
from scoring.segments.assignment import install_policy
from scoring.segments.policy_file import read_policy
from tests.scoring.segments.test_assignment import GOOD, USE_CASES
from tests.support.models import release_shop

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model of churn and one of propensity."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bundles")
    release_shop(home, "propensity", scratch=scratch)
    release_shop(home, "churn", scratch=scratch, polarity="negative", seed=1)
    return home


def want(home: Path, goal: str) -> None:
    """Installs a policy whose segment `hot`, with `hot_web` in it, has a goal."""
    text = GOOD.replace('code = "hot"', f'code = "hot"\ngoal = {goal}', 1)
    install_policy(home, read_policy(text, USE_CASES), text)


def known(day: str, version: str, **positives: int) -> MaturedWindow:
    """A day on which so many of a thousand of each segment had the outcome."""
    segments = tuple(BandOutcome(code=code, rows=1000, positives=hits) for code, hits in positives.items())
    measured = MeasuredQuality(rows=1000, positives=100)
    return MaturedWindow(as_of=f"{day}T00:00:00+00:00", known_on=day, version=version, measured=measured,
                         segments=segments)  # fmt: skip


@pytest.mark.parametrize(
    ("goal", "state", "rows"),
    [
        ('{ kpi = "conversion", target = 0.2, by = 2026-12-31 }', "reached", 4000),
        ('{ kpi = "conversion", target = 0.3, by = 2026-12-31 }', "behind", 4000),
        ('{ kpi = "conversion", target = 0.25, by = 2026-12-31 }', "unsure", 4000),
        ('{ kpi = "conversion", target = 0.2, by = 2026-03-01 }', "behind", 1000),
        ('{ kpi = "churn", target = 0.3, by = 2026-12-31 }', "reached", 1000),
        ('{ kpi = "churn", target = 0.2, by = 2026-12-31 }', "behind", 1000),
        ('{ kpi = "value", target = 30, by = 2026-12-31 }', "unmeasured", 0),
        ('{ kpi = "churn", target = 0.2, by = 2026-12-31, use_case = "propensity" }', "unmeasured", 0),
        ('{ kpi = "conversion", target = 0.2, by = 2026-01-01 }', "unmeasured", 0),
    ],
)
def test_a_goal_is_measured_by_the_last_day_that_can(released: Path, goal: str, state: str, rows: int) -> None:
    """Of all versions and of the segments within, with certainty; of churn less is better."""
    write_windows(released, "propensity", [
        known("2026-02-01", "1", hot=100, rest=1), known("2026-04-01", "1", hot=260, hot_web=240, rest=1),
        known("2026-04-01", "2", hot=250, hot_web=250),
    ])  # fmt: skip
    write_windows(released, "churn", [known("2026-04-01", "1", hot_web=250)])
    want(released, goal)

    [found] = goal_progress(released)

    assert (found.segment, found.state, found.rows) == ("hot", state, rows)


def test_a_goal_that_is_certainly_behind_alerts(released: Path) -> None:
    """Naming the segment; where it is not certain nobody is alerted."""
    write_windows(released, "propensity", [known("2026-04-01", "1", hot=100)])
    states = {}
    for target in ("0.3", "0.11"):
        want(released, f'{{ kpi = "conversion", target = {target}, by = 2026-12-31 }}')
        document, _ = alert_about(released, HealthDocument(as_of=NOW.isoformat(), use_cases={}), NOW)
        states[target] = [(alert.what.code, alert.subject) for alert in document.alerts]
        assert document.goals

    assert states == {"0.3": [("goal_behind", "hot")], "0.11": []}
