"""Alerts as they are kept, and taken on by somebody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scoring.health.alert_file import (
    AcknowledgeError,
    acknowledge,
    change_alerts,
    health_with_alerts,
    read_alerts,
    standing,
)
from scoring.health.health_file import HealthAlert, HealthDocument, HealthReason, write_health
from scoring.health.matured_windows import HealthError

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def alert(alert_id: str, state: str = "open") -> HealthAlert:
    """An alert about an old model."""
    what = HealthReason("old_model", {"days": 120, "limit": 90}, "watch")
    return HealthAlert(id=alert_id, use_case="churn", state=state, since="2026-06-01", what=what)  # type: ignore[arg-type]


def test_an_alert_is_taken_on_once(tmp_path: Path) -> None:
    """The first name counts; one that ended, and one that never was, cannot be."""
    change_alerts(tmp_path, lambda _: [alert("a"), alert("b", "ended")])

    first = acknowledge(tmp_path, "a", by=" Ada ", now=NOW)
    second = acknowledge(tmp_path, "a", by="Bob", now=NOW)

    assert (first.state, first.acknowledged_by, first.acknowledged) == ("acknowledged", "Ada", NOW.isoformat())
    assert second == first == read_alerts(tmp_path)[0]
    for gone in ("b", "c"):
        with pytest.raises(AcknowledgeError):
            acknowledge(tmp_path, gone, by="Ada", now=NOW)


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb"])
def test_a_name_is_a_name(tmp_path: Path, name: str) -> None:
    """Anything else is refused, and does not stand in the message."""
    with pytest.raises(HealthError, match=r"A name must have 1 to 80 printable characters"):
        acknowledge(tmp_path, "a", by=name, now=NOW)


def test_no_change_is_lost(tmp_path: Path) -> None:
    """Several that take on one each at once."""
    change_alerts(tmp_path, lambda _: [alert(str(number)) for number in range(12)])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: acknowledge(tmp_path, str(number), by="Ada", now=NOW), range(12)))

    assert {one.state for one in read_alerts(tmp_path)} == {"acknowledged"}


def test_health_has_the_alerts_that_stand(tmp_path: Path) -> None:
    """As they are now, not as they were when monitoring looked; open ones first, ended ones not at all."""
    assert health_with_alerts(tmp_path) is None
    write_health(tmp_path, HealthDocument(as_of="2026-06-01", use_cases={}))
    change_alerts(tmp_path, lambda _: [alert("a"), alert("b", "ended"), alert("c")])
    acknowledge(tmp_path, "a", by="Ada", now=NOW)

    found = health_with_alerts(tmp_path)

    assert found is not None
    assert [one.id for one in found.alerts] == ["c", "a"] == [one.id for one in standing(read_alerts(tmp_path))]
