"""The health of a home as gauges: read by the thread that looks at the releases, so that no scrape waits for a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from scoring.health.alert_file import alerts_path, health_with_alerts
from scoring.health.health_file import HealthDocument, HealthState, UseCaseHealth, health_path
from scoring.health.matured_windows import HealthError
from serving.telemetry import logs
from serving.telemetry.metrics import (
    ALERTS_OPEN,
    HEALTH_AGE,
    HEALTH_READABLE,
    REALISED_AUC,
    REALISED_LOG_LOSS,
    USE_CASE_STATE,
    Family,
    Labels,
)

Gauges = dict[tuple[Family, Labels], float]
_STATES: Mapping[HealthState, float] = {"fine": 0, "watch": 1, "distrust": 2}


class HealthGauges:
    """What was last read; nothing where monitoring never looked."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._marks: tuple[tuple[int, ...], ...] = ()
        self._read: Gauges = {}
        self._as_of: datetime | None = None

    def look(self) -> None:
        """Reads the files anew where they have changed; damaged ones are logged once, and counted as such."""
        marks = tuple(_mark(path) for path in (health_path(self._home), alerts_path(self._home)))
        if marks == self._marks:
            return
        self._marks, self._as_of = marks, None
        try:
            document = health_with_alerts(self._home)
            self._as_of = _moment(document.as_of) if document else None
            self._read = dict(_gauges(document)) if document else {}
        except HealthError as error:
            self._read = {(HEALTH_READABLE, ()): 0.0}
            logs.write("health_refused", level="error", reason=str(error))

    def now(self, at: datetime | None = None) -> Gauges:
        """The gauges as they stand at a moment, which is this one."""
        if self._as_of is None:
            return self._read
        return {**self._read, (HEALTH_AGE, ()): ((at or datetime.now(UTC)) - self._as_of).total_seconds()}


def _gauges(document: HealthDocument) -> Iterator[tuple[tuple[Family, Labels], float]]:
    yield (HEALTH_READABLE, ()), 1.0
    for name, health in document.use_cases.items():
        yield (USE_CASE_STATE, (name,)), _STATES[health.state]
        yield from _realised(name, health)
    counts = Counter((alert.use_case, alert.what.code) for alert in document.alerts if alert.state == "open")
    for labels, count in counts.items():
        yield (ALERTS_OPEN, labels), float(count)


def _realised(name: str, health: UseCaseHealth) -> Iterator[tuple[tuple[Family, Labels], float]]:
    found = health.realised
    if found is not None and found.roc_auc is not None:
        yield (REALISED_AUC, (name, found.version)), found.roc_auc
    if found is not None and found.log_loss is not None:
        yield (REALISED_LOG_LOSS, (name, found.version)), found.log_loss


def _moment(iso: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mark(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)
