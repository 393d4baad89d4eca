"""Promotion by real retraining: what was planted is found, what leaks is refused, what is noise is left."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import mlflow
import numpy as np
import polars as pl
import pytest

from features.config.use_case import load_use_case
from training.registry.lines import TrainingLine
from training.registry.mlflow_registry import Registry
from training.task import Mode
from training.train import train

START, STEP, STEPS = date(2023, 1, 1), 30, 12  # the log: twelve windows of thirty days
USE_CASE = f"""
name = "reminders"
polarity = "positive"
seed = {{seed}}
[events]
path = "orders.parquet"
customer_id = "who"
timestamp = "when"
type = "purchase"
[window]
observation = "180d"
prediction = "{STEP}d"
test_cutoff = "{START + timedelta(days=STEP * (STEPS - 1))}"
[label]
event = "purchase"
outcome = "present"
"""
PROFILES = """
[profiles]
path = "{}.parquet"
customer_id = "who"
valid_from = "since"
"""

# MLflow's own client warns of the libraries it stands on
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers who in each window either asked for a reminder, which makes a purchase likely, or did not.

    `asked.parquet` holds what they asked before each window; `leaked.parquet` whether they bought in it.
    """
    folder, random = tmp_path_factory.mktemp("reminders"), np.random.default_rng(5)
    customers = 700
    pace = random.beta(1.5, 6, customers)
    asked = random.random((customers, STEPS)) < 0.4
    bought = random.random((customers, STEPS)) < np.where(asked, 0.7, pace[:, None])
    who, step = np.nonzero(bought)
    days = step * STEP + random.integers(0, STEP, len(who))
    pl.DataFrame({"who": who, "when": [START + timedelta(days=int(day)) for day in days]}).write_parquet(
        folder / "orders.parquet"
    )
    told = {"who": np.repeat(np.arange(customers), STEPS), "since": _eves() * customers}
    pl.DataFrame({**told, "reminder": asked.ravel()}).write_parquet(folder / "asked.parquet")
    pl.DataFrame({**told, "thanked": bought.ravel()}).write_parquet(folder / "leaked.parquet")
    return folder


def _eves() -> list[date]:
    return [START + timedelta(days=STEP * step - 1) for step in range(STEPS)]


def retrain(
    shop: Path, registry: Registry, profiles: str | None = None, *, seed: int = 1, mode: Mode = "gate"
) -> TrainingLine:
    """One real training on the shop's log, with or without profiles."""
    file = shop / "reminders.toml"
    file.write_text(USE_CASE.format(seed=seed) + (PROFILES.format(profiles) if profiles else ""), encoding="utf-8")
    return train(load_use_case(file), home=registry.home, registry=registry, mode=mode)


def test_a_real_gain_is_promoted_a_leak_refused_and_noise_left(shop: Path, registry: Registry) -> None:
    """A trait that truly tells replaces the champion; one that is the outcome blocks; other seeds change nothing."""
    first = retrain(shop, registry, mode="always")  # without the trait it ranks nobody, and the gate would refuse it
    better = retrain(shop, registry, "asked")
    leaking = retrain(shop, registry, "leaked")
    noise = [retrain(shop, registry, "asked", seed=seed) for seed in (2, 3)]

    assert first["promoted"]
    assert better["promoted"], better["reason"]
    assert better["decision"]["log_loss_gain"]["low"] > better["decision"]["least_gain"]
    assert leaking["refused"]
    assert "thanked" in leaking["reason"]
    assert not any(line["promoted"] for line in noise)
    champion = registry.champion("reminders")
    assert champion is not None
    assert champion.number == better["version"]
    _figures_are_in_mlflow(registry, better)
    report = (registry.home / str(better["report"])).read_text()
    assert "champion until then (version 1)" in report
    assert "champion jusqu&#39;alors (version 1)" in report


def _figures_are_in_mlflow(registry: Registry, line: TrainingLine) -> None:
    """The guards' figures stand in the reason and as metrics of the version's run."""
    version = registry.version("reminders", line["version"])
    assert version is not None
    metrics = mlflow.MlflowClient().get_run(str(version.run)).data.metrics
    guards = {"calibration": line["decision"]["calibration"], "stability": line["decision"]["stability"]}
    for guard, name, word in (("calibration", "ece", "ECE"), ("stability", "psi", "PSI")):
        assert metrics[f"decision.{guard}.{name}"] == guards[guard][name]
        assert metrics[f"decision.{guard}.{name}_limit"] > 0
        assert word in line["reason"]
