"""Realised figures in the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from penchant.daily.realised_log import log_realised
from scoring.health.matured_windows import MaturedWindow, MeasuredQuality
from scoring.releases.store import install_release
from tests.support.models import write_shop_bundle
from training.registry.mlflow_registry import Registry

MEASURED = MeasuredQuality(rows=900, positives=90, roc_auc=0.8, log_loss=0.3, brier=0.1, ece=0.02, lift=3.0)


def window(measured: MeasuredQuality = MEASURED) -> MaturedWindow:
    """A day of the only version."""
    return MaturedWindow(as_of="1970-01-11T00:00:00+00:00", known_on="1970-02-10", version="1", measured=measured)


def test_realised_figures_stand_in_the_run_of_the_version(tmp_path: Path) -> None:
    """At the day's step; a run that is gone is noted and stops nothing; a home without a registry has none."""
    write_shop_bundle(tmp_path / "bundle", "shop")
    assert log_realised(tmp_path, "shop", [window()]) == []
    registry = Registry(tmp_path)
    run = registry._client.create_run(registry._experiment("shop")).info.run_id
    install_release(tmp_path, "shop", "1", tmp_path / "bundle", facts={"run_id": run})

    assert log_realised(tmp_path, "shop", [window(), window(MeasuredQuality(rows=3, positives=0))]) == []

    [logged] = registry._client.get_metric_history(run, "realised_roc_auc")
    assert logged.value == pytest.approx(0.8)
    assert logged.step == 10
    install_release(tmp_path, "shop", "1", tmp_path / "bundle", facts={"run_id": "gone"})
    [note] = log_realised(tmp_path, "shop", [window()])
    assert note.startswith("figures of shop are not in the registry")
