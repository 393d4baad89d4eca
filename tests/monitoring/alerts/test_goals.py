"""What came of goals, and who is alerted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitoring.alerts.goals import goal_progress
from monitoring.cli.alert_commands import alert_about
from scoring.health.health_file import HealthDocument
from scoring.health.matured_windows import (
    BandOutcome,
    MaturedWindow,
    MeasuredQuality,
    SummedFigure,
    write_windows,
)
from scoring.segments.assignment import install_policy
from scoring.segments.policy_file import read_policy
from scoring.text.health_reasons import health_text
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


def sold(code: str, rows: int, buyers: int, *, spent: float = 30.0) -> BandOutcome:
    """A segment of whose members some bought once, for the same sum."""
    orders = SummedFigure(rows=rows, some=buyers, total=buyers, squares=buyers)
    value = SummedFigure(rows=rows, some=buyers, total=buyers * spent, squares=buyers * spent**2)
    return BandOutcome(code=code, rows=rows, positives=buyers, orders=orders, value=value)


@pytest.mark.parametrize(
    ("kpi", "target", "segments", "state"),
    [
        ("orders", 0.2, [sold("hot", 1000, 250)], "reached"),
        ("orders", 0.3, [sold("hot", 1000, 250)], "behind"),
        ("orders", 0.26, [sold("hot", 1000, 250)], "unsure"),
        ("value", 6, [sold("hot", 500, 100), sold("hot_web", 500, 150)], "reached"),
        ("value", 9, [sold("hot", 500, 100), sold("hot_web", 500, 150)], "behind"),
        ("value", 9, [sold("hot", 500, 100), BandOutcome(code="hot_web", rows=500, positives=9)], "unmeasured"),
        ("value", 9, [sold("hot", 1000, 250), BandOutcome(code="hot_web", rows=19, positives=9)], "behind"),
        ("value", 9, [sold("hot", 1000, 19)], "unsure"),
        ("value", 9, [BandOutcome(code="hot", rows=1000, positives=9)], "unmeasured"),
    ],
)
def test_orders_and_value_are_means_per_customer(
    released: Path, kpi: str, target: float, segments: list[BandOutcome], state: str
) -> None:
    """With certainty by a normal interval; few buyers tell nothing, two versions are of the same customers."""
    windows = [replace(known("2026-04-01", version), segments=tuple(segments), currency="EUR") for version in "12"]
    write_windows(released, "propensity", windows)
    write_windows(released, "churn", [known("2026-04-01", "1", hot=250)])
    want(released, f'{{ kpi = "{kpi}", target = {target}, by = 2026-12-31 }}')

    document, _ = alert_about(released, HealthDocument(as_of=NOW.isoformat(), use_cases={}), NOW)

    [found] = document.goals
    assert found.state == state
    if found.interval:
        mean = 0.25 * (30 if kpi == "value" else 1)
        half = 1.96 * mean * (3 / 999) ** 0.5
        assert found.realised == pytest.approx(mean)
        assert found.interval == pytest.approx((mean - half, mean + half), rel=1e-3)
        assert (found.rows, found.currency) == (1000, "EUR" if kpi == "value" else None)
    texts = [health_text(one.what.code, one.what.values, "en") for one in document.alerts if one.state == "open"]
    assert len(texts) == (state == "behind")
    assert all(f"{kpi} per customer" in text and "{" not in text for text in texts)
