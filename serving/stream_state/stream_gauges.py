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
        """The gauges as they stand at a moment, which is this one; what workers share as the latest of them says."""
        shared = {one.name: one for one in sorted(self._found, key=lambda one: one.at)}
        moment = at or datetime.now(UTC)
        own = {key: value for one in self._found for key, value in _of_worker(one, moment)}
        return own | {key: value for one in shared.values() for key, value in _of_state(one)}


def _of_worker(stream: StreamHealth, now: datetime) -> Iterator[tuple[tuple[Family, Labels], float]]:
    labels = (stream.name, stream.worker)
    yield (metrics.STREAM_STATE, labels), _CONDITIONS[stream.state]
    yield (metrics.STREAM_SIGN_AGE, labels), seconds_since(stream.at, now)
    for field, family in _FIGURES.items():
        value = getattr(stream, field)
        if value is not None:
            yield (family, labels), float(value)


def _of_state(stream: StreamHealth) -> Iterator[tuple[tuple[Family, Labels], float]]:
    yield (metrics.STREAM_OUTBOX, (stream.name,)), float(stream.outbox)
    yield (metrics.STREAM_CUSTOMERS, (stream.name,)), float(stream.customers)
    for rule, count in stream.dead_by_rule.items():
        yield (metrics.STREAM_DEAD, (stream.name, rule)), float(count)
