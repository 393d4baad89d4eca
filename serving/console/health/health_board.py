"""What the page Health shows: a line a use case, alerts, what drifts, how good scores turned out to be, sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from scoring.answers.served_release import Live
from scoring.health.alert_file import health_with_alerts
from scoring.health.health_file import (
    FeatureDrift,
    GoalProgress,
    HealthAlert,
    HealthReason,
    ServedDrift,
    SourceFreshness,
    UseCaseHealth,
)
from scoring.health.matured_windows import HealthError, MaturedWindow, read_windows, windows_file
from scoring.segments.policy import Policy
from scoring.text.health_reasons import goal_name, health_action, health_text, kpi_figure, kpi_name, state_name
from serving.console.charts.svg import Chart
from serving.console.health.realised_charts import RealisedDay, realised_charts, realised_days
from serving.console.views.named_features import named_features
from serving.console.web.i18n import Texts
from serving.console.web.render import called

MOST_LISTED = 30  # days of the table beside the charts; the last ones
FURTHEST = 3  # features of what came by a door
_GRAVEST = {"distrust": 0, "watch": 1, "fine": 2}


@dataclass(frozen=True, slots=True)
class DriftLine:
    """A feature that drifts, as people read it."""

    name: str
    drift: FeatureDrift


@dataclass(frozen=True, slots=True)
class ServedLine:
    """What came by one door, with the features that are furthest from what was learned, as people read them."""

    drift: ServedDrift
    furthest: list[tuple[str, float]]  # with the index of each


@dataclass(frozen=True, slots=True)
class HealthLine:
    """A use case: its state, why, and what is known of it; `damage` is why its past cannot be shown."""

    name: str
    title: str
    state: str
    state_text: str
    why: list[str]  # the gravest first
    health: UseCaseHealth
    drift: list[DriftLine]  # the most damaging first
    served: list[ServedLine]
    charts: list[Chart]
    days: list[RealisedDay]  # the latest first
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert: what it is about, what is wrong, and the one thing to do."""

    alert: HealthAlert
    title: str
    text: str
    action: str


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal of a segment or list, and what came of it so far."""

    goal: GoalProgress
    of: str
    figure: str
    target: str
    state: str
    realised: str | None
    interval: str | None


@dataclass(frozen=True, slots=True)
class HealthBoard:
    """The page; the gravest use case first."""

    as_of: str
    use_cases: list[HealthLine]
    alerts: list[AlertLine]
    goals: list[GoalLine]
    sources: list[SourceFreshness]  # each once, the stalest first


def health_board(home: Path, served: Mapping[str, Live], policy: Policy, texts: Texts) -> HealthBoard | None:
    """What monitoring last found; None where it never looked. It reads files, so never on the loop that answers.

    Raises:
        HealthError: The health or the alerts are damaged.
    """
    document = health_with_alerts(home)
    if document is None:
        return None
    names = _names(served, texts)
    lines = [_line(home, name, health, served, names, texts) for name, health in document.use_cases.items()]
    sources = {one.source: one for health in document.use_cases.values() for one in health.sources}
    return HealthBoard(
        document.as_of,
        sorted(lines, key=lambda line: (_GRAVEST[line.state], line.title)),
        [_alert(alert, served, names, texts) for alert in document.alerts],
        [_goal(goal, policy, texts) for goal in document.goals],
        sorted(sources.values(), key=lambda one: -(one.days or 0)),
    )


def _names(served: Mapping[str, Live], texts: Texts) -> dict[str, str]:
    """What each feature is called; one that may not be named is another factor."""
    named = {name: feature.name for name, feature in named_features(served, texts).items()}
    hidden = {name for live in served.values() for name in live.release.bundle.forbidden}
    return named | dict.fromkeys(hidden - named.keys(), texts["family_other_factors"])


def _line(
    home: Path, name: str, health: UseCaseHealth, served: Mapping[str, Live], names: Mapping[str, str], texts: Texts
) -> HealthLine:
    days: list[RealisedDay] = []
    damage = None
    try:
        days = _days(home, name)
    except HealthError as error:
        damage = str(error)
    return HealthLine(
        name=name,
        title=called(name, served, texts.language),
        state=health.state,
        state_text=state_name(health.state, texts.language),
        why=[_sentence(reason, names, texts) for reason in health.why],
        health=health,
        drift=[DriftLine(names.get(one.feature, one.feature), one) for one in health.drift],
        served=[ServedLine(one, _furthest(one, names)) for one in health.served],
        charts=realised_charts(days, texts),
        days=days[: -MOST_LISTED - 1 : -1],
        damage=damage,
    )


def _furthest(drift: ServedDrift, names: Mapping[str, str]) -> list[tuple[str, float]]:
    return [(names.get(feature, feature), index) for feature, index in list(drift.psi.items())[:FURTHEST]]


def _alert(alert: HealthAlert, served: Mapping[str, Live], names: Mapping[str, str], texts: Texts) -> AlertLine:
    title = called(alert.use_case, served, texts.language) if alert.use_case else texts["health_all"]
    values = _named(alert.what, names).values
    return AlertLine(
        alert,
        title,
        texts.kept_together(health_text(alert.what.code, values, texts.language)),
        texts.kept_together(health_action(alert.what.code, title, values, texts.language)),
    )


def _goal(goal: GoalProgress, policy: Policy, texts: Texts) -> GoalLine:
    segment, language = policy.by_code.get(goal.segment), texts.language

    def shown(value: float) -> str:
        return kpi_figure(goal.kpi, value, language, goal.currency)

    named = segment.labels[language] if segment else goal.segment
    return GoalLine(
        goal,
        texts["health_list"].format(id=goal.campaign) if goal.campaign else named,
        kpi_name(goal.kpi, language),
        shown(goal.target),
        goal_name(goal.state, language),
        None if goal.realised is None else shown(goal.realised),
        None if goal.interval is None else " – ".join(map(shown, goal.interval)),
    )


def _sentence(reason: HealthReason, names: Mapping[str, str], texts: Texts) -> str:
    return texts.kept_together(health_text(reason.code, _named(reason, names).values, texts.language))


def _named(reason: HealthReason, names: Mapping[str, str]) -> HealthReason:
    """The same with its feature as people read it."""
    feature = reason.values.get("feature")
    if not isinstance(feature, str) or feature not in names:
        return reason
    return HealthReason(reason.code, {**reason.values, "feature": names[feature]}, reason.state)


def _days(home: Path, name: str) -> list[RealisedDay]:
    """Read anew where the file has changed."""
    try:
        stat = windows_file(home, name).stat()
    except OSError:
        return []
    return list(_read_days(home, name, (stat.st_ino, stat.st_mtime_ns, stat.st_size)))


@lru_cache(maxsize=16)
def _read_days(home: Path, name: str, _written: tuple[int, ...]) -> tuple[RealisedDay, ...]:
    windows: list[MaturedWindow] = read_windows(home, name)
    return tuple(realised_days(windows))
