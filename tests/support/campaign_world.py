"""Campaigns that chance drew, with a planted effect, as a table and a use case to learn it from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from training.task import Task

Floats = NDArray[np.float64]
Effect = Callable[[Floats], Floats]
USE_CASE = """
name = "spring"
polarity = "positive"
seed = {seed}
[table]
path = "campaign.parquet"
label = "answered"
positive = 1
customer_id = "customer"
[treatment]
column = "treated"
treated = "yes"
"""


def on_visits(effect: float) -> Effect:
    """An effect on the log-odds that rises with visits, which say nothing of who answers without a contact."""
    return lambda x: effect * x[:, 1]


def on_all(effect: float) -> Effect:
    """The same for everyone."""
    return lambda x: np.full(len(x), effect)


def campaign(
    rows: int, effect: Effect, *, seed: int, base: float = -1.0, slope: float = 2.0, share: float = 0.5
) -> pl.DataFrame:
    """Rows of which `share` are treated; `base` and `slope` along `spend` are of the log-odds without a contact."""
    random = np.random.default_rng(seed)
    x, city = random.normal(size=(rows, 3)), random.choice(["a", "b", "c"], rows)
    treated = random.random(rows) < share
    odds = base + slope * x[:, 0] + 0.5 * (city == "b") + treated * effect(x)
    answered = random.random(rows) < 1 / (1 + np.exp(-odds))
    return pl.DataFrame(
        {
            "customer": [f"k{row}" for row in range(rows)],
            "spend": x[:, 0],
            "visits": x[:, 1],
            "age": x[:, 2],
            "city": city,
            "treated": np.where(treated, "yes", "no"),
            "answered": answered.astype(np.int64),
        }
    )


def write_campaign(folder: Path, rows: pl.DataFrame, *, seed: int = 0, candidate: str = "", more: str = "") -> Path:
    """The table and the use case; `more` stands in [treatment]."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(folder / "campaign.parquet")
    file = folder / "spring.toml"
    asked = f'candidate = "{candidate}"\n' if candidate else ""
    file.write_text(asked + USE_CASE.format(seed=seed) + more, encoding="utf-8")
    return file


def task_of(file: Path) -> Task:
    """A training of a use case that is not registered anywhere."""
    use_case = load_use_case(file)
    return Task(use_case, learning_table(use_case), file.parent / "home", None, "gate")  # type: ignore[arg-type]  # no registry is asked
