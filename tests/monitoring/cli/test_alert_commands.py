"""What commands say of alerts, and how they end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring.cli.alert_commands import acknowledge_command, alert_about, alert_lines
from scoring.health.alert_file import ALERTS
from scoring.health.health_file import HealthDocument, HealthReason, UseCaseHealth, read_health
from scoring.health.matured_windows import MONITORING

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OLD = HealthReason("old_model", {"days": 120, "limit": 90}, "watch")
HEALTH = HealthDocument(as_of=NOW.isoformat(), use_cases={"churn": UseCaseHealth(state="watch", why=(OLD,))})


def test_an_open_alert_ends_with_7_until_somebody_takes_it_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name; the health that is kept has it too."""
    document, code = alert_about(tmp_path, HEALTH, NOW)
    alert = document.alerts[0]
    taken = acknowledge_command([alert.id, "--by", "Ada", "--home", str(tmp_path), "--json"])

    assert (code, taken) == (7, 0)
    assert read_health(tmp_path) == document
    assert json.loads(capsys.readouterr().out)["acknowledged_by"] == "Ada"
    assert alert_about(tmp_path, HEALTH, NOW)[1] == 0


def test_an_alert_is_two_lines(tmp_path: Path) -> None:
    """What it is, and the one thing to do."""
    document, _ = alert_about(tmp_path, HEALTH, NOW)

    said = list(alert_lines(document.alerts))

    assert said[0].endswith("(open) churn: The model learned from data of 120 days ago, more than 90.")
    assert said[1] == "  -> Train churn again."


def test_an_alert_that_is_not_there_cannot_be_taken_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The id is not repeated: it may be anything."""
    assert acknowledge_command(["c-4711", "--by", "Ada", "--home", str(tmp_path)]) == 2
    assert "c-4711" not in capsys.readouterr().err


def test_damaged_alerts_and_a_broken_file_end_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a sentence each; the health of the home is not written."""
    (tmp_path / "monitor.toml").write_text("[limits]\nnothing = 1\n")
    assert alert_about(tmp_path, HEALTH, NOW) == (HEALTH, 2)
    (tmp_path / "monitor.toml").unlink()
    (tmp_path / MONITORING).mkdir()
    (tmp_path / MONITORING / ALERTS).write_text("{}")
    assert alert_about(tmp_path, HEALTH, NOW) == (HEALTH, 3)
    assert acknowledge_command(["a", "--by", "Ada", "--home", str(tmp_path)]) == 3

    said = capsys.readouterr().err
    assert "limits.nothing: unknown key" in said
    assert said.count("alerts.json must be what monitoring wrote") == 2
    assert read_health(tmp_path) is None
