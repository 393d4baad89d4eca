"""What was realised of matured days, logged to the MLflow runs of the versions that scored them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from scoring.errors import BundleError
from scoring.health.matured_windows import MaturedWindow
from scoring.releases.store import read_facts, release_folder

REGISTRY = "mlflow.db"
FIGURES = ("roc_auc", "log_loss", "brier", "ece", "lift")


def log_realised(home: Path, use_case: str, windows: Sequence[MaturedWindow]) -> list[str]:
    """Logs the figures of some windows; returns a note where the registry does not take them, which no run fails for.

    A home without a registry, a version without a run, and a day of too few customers are passed over.
    """
    if not windows or not ((home / REGISTRY).exists() or os.environ.get("MLFLOW_TRACKING_URI")):
        return []
    from training.errors import RegistryError
    from training.registry.mlflow_registry import Registry

    try:
        registry = Registry(home)
        for window in windows:
            found = {name: value for name in FIGURES if (value := getattr(window.measured, name)) is not None}
            run = read_facts(release_folder(home, use_case, window.version)).run_id
            if found and run:
                registry.record_realised(run, datetime.fromisoformat(window.as_of).date(), found)
    except (RegistryError, BundleError) as failure:
        return [f"figures of {use_case} are not in the registry: {failure}"]
    return []
