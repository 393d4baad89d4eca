"""How streams stand, as gauges: read by the thread that looks at the releases, so that no scrape waits for a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from serving.stream_state.status import StreamCondition, StreamHealth, seconds_since, stream_health
from serving.telemetry import metrics
from serving.telemetry.metrics import Family, Labels

_CONDITIONS: dict[StreamCondition, float] = {"running": 0, "paused": 1, "stopped": 2, "silent": 2}
_FIGURES = {
    "lag": metrics.STREAM_LAG,
    "oldest_seconds": metrics.STREAM_OLDEST,
    "batch": metrics.STREAM_BATCH,
    "applied": metrics.STREAM_APPLIED,
    "duplicates": metrics.STREAM_DUPLICATES,
    "redelivered": metrics.STREAM_REDELIVERED,
    "published": metrics.STREAM_PUBLISHED,
    "outbox": metrics.STREAM_OUTBOX,
    "customers": metrics.STREAM_CUSTOMERS,
}


class StreamGauges:
    """What was last read; nothing where there is no stream."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._found: list[StreamHealth] = []

    def look(self, at: datetime | None = None) -> None:
        """Reads what the workers wrote, as it stands at a moment, which is this one."""
        self._found = stream_health(self._home, at or datetime.now(UTC))

    def now(self, at: datetime | None = None) -> dict[tuple[Family, Labels], float]:
        """The gauges as they stand at a moment, which is this one."""
        return {key: value for one in self._found for key, value in _gauges(one, at or datetime.now(UTC))}


def _gauges(stream: StreamHealth, now: datetime) -> Iterator[tuple[tuple[Family, Labels], float]]:
    name = (stream.name,)
    yield (metrics.STREAM_STATE, name), _CONDITIONS[stream.state]
    yield (metrics.STREAM_SIGN_AGE, name), seconds_since(stream.at, now)
    for field, family in _FIGURES.items():
        value = getattr(stream, field)
        if value is not None:
            yield (family, name), float(value)
    for rule, count in stream.dead_by_rule.items():
        yield (metrics.STREAM_DEAD, (*name, rule)), float(count)
