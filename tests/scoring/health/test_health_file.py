"""What monitoring leaves for readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.health.health_file import (
    HealthDocument,
    HealthReason,
    RealisedQuality,
    UseCaseHealth,
    health_path,
    read_health,
    write_health,
)
from scoring.health.matured_windows import HealthError

REALISED = RealisedQuality(as_of="2026-03-01T00:00:00+00:00", version="3", rows=900, positives=80, roc_auc=0.8)
HEALTH = HealthDocument(
    as_of="2026-06-01T00:00:00+00:00",
    use_cases={"churn": UseCaseHealth(state="fine", why=(HealthReason("as_learned"),), realised=REALISED)},
)


def test_a_home_without_monitoring_has_no_health(tmp_path: Path) -> None:
    """None, and no error."""
    assert read_health(tmp_path) is None


def test_health_is_read_as_it_was_written(tmp_path: Path) -> None:
    """And written again it is the same bytes."""
    write_health(tmp_path, HEALTH)
    first = health_path(tmp_path).read_bytes()

    write_health(tmp_path, HEALTH)

    assert read_health(tmp_path) == HEALTH
    assert health_path(tmp_path).read_bytes() == first


@pytest.mark.parametrize("damage", [b"", b"{", b'{"as_of": "x", "use_cases": {"a": {"state": "good", "why": []}}}'])
def test_a_damaged_health_is_refused(tmp_path: Path, damage: bytes) -> None:
    """With a sentence, and nothing of it is read."""
    write_health(tmp_path, HEALTH)
    health_path(tmp_path).write_bytes(damage)

    with pytest.raises(HealthError, match=r"health\.json must be what monitoring wrote, got \w+\."):
        read_health(tmp_path)
