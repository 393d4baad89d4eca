"""A small world: one log and one ready table, trained once for all tests of training."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.config.use_case import load_use_case
from tests.conftest import made_once
from training.registry.mlflow_registry import Registry
from training.train import train

TABLE = """
name = "visits"
polarity = "positive"
seed = 3
[table]
path = "visits.parquet"
label = "came back"
positive = true
[reasons]
forbid = ["âge"]
"""
LOG = """
name = "shop"
polarity = "negative"
seed = 3
[events]
path = "events.parquet"
customer_id = "who"
timestamp = "when"
amount = "paid"
type = "purchase"
[window]
observation = "180d"
prediction = "60d"
[eligible]
active_within = "120d"
[label]
event = "purchase"
outcome = "absent"
"""


def visits(rows: int = 1500, *, seed: int = 0) -> pl.DataFrame:
    """A ready table with odd column names, gaps, many levels, and an outcome that two columns tell."""
    random = np.random.default_rng(seed)
    age, spent = random.integers(18, 90, rows), random.lognormal(3, 1, rows)
    channel = random.choice(["web", "Store", "phone", "post"], rows, p=[0.5, 0.3, 0.15, 0.05])
    odds = -2.2 + 0.02 * (age - 40) + 0.9 * np.log1p(spent) - 2 + 1.2 * (channel == "Store") + (age > 70)
    came = random.random(rows) < 1 / (1 + np.exp(-odds))
    return pl.DataFrame(
        {
            "âge": age,
            "spent so far": pl.Series(
                [None if gap else value for gap, value in zip(random.random(rows) < 0.1, spent, strict=True)]
            ),
            "label": pl.Series(
                [None if gap else text for gap, text in zip(random.random(rows) < 0.05, channel, strict=True)]
            ),
            "joined": [date(2020, 1, 1) + timedelta(days=int(days)) for days in random.integers(0, 900, rows)],
            "member": random.random(rows) < 0.4,
            "came back": came,
        }
    )


def events(customers: int = 700, *, seed: int = 0) -> pl.DataFrame:
    """Purchases over two years by customers who differ in how often they buy and who stop one day."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for customer in range(customers):
        day, ends = float(random.integers(0, 300)), random.exponential(500)
        pace = random.gamma(2.0, 20.0)
        while day < min(720, ends + 60):
            moment = date(2022, 1, 1) + timedelta(days=int(day))
            rows.append({"who": customer, "when": moment, "paid": round(float(random.lognormal(3, 0.7)), 2)})
            day += 1 + random.exponential(pace)
    return pl.DataFrame(rows)


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`world`, both use cases and their data; `home`, where they are trained; `lines.json` of the training report."""
    return made_once(tmp_path_factory, "training", _train_both)


def _train_both(folder: Path) -> None:
    world, home = folder / "world", folder / "home"
    world.mkdir()
    _write_use_cases(world)
    registry = Registry(home)
    lines = {
        name: train(load_use_case(world / f"{name}.toml"), home=home, registry=registry, mode="gate")
        for name in ("visits", "shop")
    }
    (folder / "lines.json").write_text(json.dumps(lines), encoding="utf-8")


def _write_use_cases(folder: Path) -> None:
    (folder / "visits.toml").write_text(TABLE, encoding="utf-8")
    (folder / "shop.toml").write_text(LOG, encoding="utf-8")
    pl.concat([visits(), visits().head(1)]).write_parquet(folder / "visits.parquet")  # one row twice: to be noted
    undated = pl.DataFrame([{"who": 7, "when": None, "paid": 1.0}], schema=events().schema)
    pl.concat([events(), undated]).write_parquet(folder / "events.parquet")


@pytest.fixture(scope="session")
def world(both: Path) -> Path:
    """A folder with both use cases and their data; only to be read."""
    return both / "world"


@pytest.fixture(scope="session")
def home(both: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both use cases are trained and released; tests read it and change it back."""
    home = tmp_path_factory.mktemp("own") / "home"
    shutil.copytree(both / "home", home)
    move_artifacts(home / "mlflow.db", str(both / "home"), str(home))
    return home


def move_artifacts(database: Path, before: str, now: str) -> None:
    """MLflow keeps in its database where a home's artifacts lie: the copy's lie in the copy."""
    with closing(sqlite3.connect(database)) as opened, opened:
        for (table,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, kind, *_ in opened.execute(f"PRAGMA table_info({table})").fetchall():
                if kind.startswith(("VARCHAR", "TEXT")):
                    moved = f"UPDATE {table} SET {column} = replace({column}, ?, ?) WHERE instr({column}, ?)"  # noqa: S608  a table of ours
                    opened.execute(moved, (before, now, before))


@pytest.fixture(scope="session")
def registry(home: Path) -> Registry:
    """MLflow on the home's own SQLite file."""
    return Registry(home)


@pytest.fixture(scope="session")
def trained(both: Path, registry: Registry) -> dict[str, dict[str, Any]]:
    """Both use cases' lines of the training report."""
    lines: dict[str, dict[str, Any]] = json.loads((both / "lines.json").read_text(encoding="utf-8"))
    return lines
