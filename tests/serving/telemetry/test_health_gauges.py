"""The health of a home on the page that Prometheus reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scoring.health.alert_file import acknowledge
from scoring.health.health_file import health_path
from serving.telemetry.health_gauges import Gauges, HealthGauges
from serving.telemetry.metrics import Counters
from tests.support.looked_at import look_at

NOW = datetime(2026, 6, 2, tzinfo=UTC)


def shown(gauges: Gauges) -> dict[str, dict[tuple[str, ...], float]]:
    """Samples by name and labels, as Prometheus' own parser reads them; ours alone."""
    families = text_string_to_metric_families(Counters().render(gauges).decode())
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in families
        if family.type == "gauge" and family.samples
    }


def test_states_alerts_and_the_last_known_figures_are_gauges(tmp_path: Path) -> None:
    """An alert that was taken on counts no more, as soon as the files are looked at again."""
    look_at(tmp_path)
    gauges = HealthGauges(tmp_path)
    gauges.look()
    before = shown(gauges.now(NOW))
    acknowledge(tmp_path, "0a", by="Ada", now=NOW)
    gauges.look()
    after = shown(gauges.now(NOW))

    assert before == {
        "penchant_health_readable": {(): 1},
        "penchant_health_age_seconds": {(): 86400},
        "penchant_use_case_state": {("propensity",): 0, ("churn",): 2},
        "penchant_alerts_open": {("churn", "auc_fell"): 1, ("churn", "drift"): 1},
        "penchant_realised_roc_auc": {("churn", "2"): 0.71},
        "penchant_realised_log_loss": {("churn", "2"): 0.32},
    }
    assert after["penchant_alerts_open"] == {("churn", "drift"): 1}


def test_a_home_that_nobody_looked_at_has_none(tmp_path: Path) -> None:
    """And it stays as it is."""
    gauges = HealthGauges(tmp_path)
    gauges.look()

    assert shown(gauges.now(NOW)) == {}
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_one_gauge_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However often they are looked at; mended ones are read again."""
    look_at(tmp_path)
    gauges = HealthGauges(tmp_path)
    whole = health_path(tmp_path).read_bytes()
    health_path(tmp_path).write_bytes(whole[:-20])
    for _ in range(3):
        gauges.look()
    damaged, said = shown(gauges.now(NOW)), capsys.readouterr()
    health_path(tmp_path).write_bytes(whole)
    gauges.look()

    assert damaged == {"penchant_health_readable": {(): 0}}
    assert (said.out + said.err).count("health_refused") == 1
    assert shown(gauges.now(NOW))["penchant_health_readable"] == {(): 1}
