"""The health of a home over HTTP: what monitoring last found, and how its streams stand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from scoring.health.alert_file import health_with_alerts
from scoring.health.health_file import GoalProgress, HealthAlert, UseCaseHealth
from serving.stream_state.status import StreamHealth, stream_health


class HomeHealthDocument(Struct, frozen=True, kw_only=True):
    """Whether scores are to be trusted today, and how events come in."""

    as_of: Annotated[str | None, Meta(description="The day that was looked at; null where nobody looked yet.")] = None
    use_cases: dict[str, UseCaseHealth] = {}
    alerts: tuple[HealthAlert, ...] = ()
    goals: tuple[GoalProgress, ...] = ()  # of segments and lists that have one
    streams: Annotated[tuple[StreamHealth, ...], Meta(description="By name; none where events come by no stream.")] = ()


def home_health(home: Path, now: datetime) -> HomeHealthDocument | None:
    """The health of a home at a moment, UTC; None where monitoring never looked and there is no stream.

    Raises:
        HealthError: A file of monitoring is damaged.
    """
    found, streams = health_with_alerts(home), tuple(stream_health(home, now))
    if found is None:
        return HomeHealthDocument(streams=streams) if streams else None
    return HomeHealthDocument(
        as_of=found.as_of, use_cases=found.use_cases, alerts=found.alerts, goals=found.goals, streams=streams
    )
