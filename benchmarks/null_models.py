"""`python -m benchmarks.null_models`: first models of outcomes that nothing tells; how many the gate would promote.

Each is a training of its own up to the gate's decision: small tables, some of few outcomes, some whose customers have
several rows, some ordered by month in which what predicts the outcome stops doing so while its rate moves.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.build.log_table import learning_table
from features.config.use_case import load_use_case
from features.errors import DataError
from training.data.split import split
from training.errors import CalibrationError, NothingLearned
from training.promotion.promote import first_decision
from training.registry.mlflow_registry import Registry
from training.selection.winner import choose_for, fit
from training.task import Task

MOST_PROMOTED = 0.05
TOML = """name = "null"
polarity = "positive"
candidate = "logit"
seed = {seed}
[table]
path = "null.parquet"
label = "bought"
positive = true
{more}
"""

Table = tuple[dict[str, Any], str]  # columns, and further keys of the use case


def shuffled(random: np.random.Generator) -> Table:
    """A number and a level, and an outcome dealt by chance."""
    rows = int(random.integers(1000, 2500))
    return {**_columns(random, rows), "bought": random.random(rows) < random.uniform(0.2, 0.5)}, ""


def few(random: np.random.Generator) -> Table:
    """The same of few outcomes: learning rows are judged too."""
    rows = int(random.integers(400, 900))
    return {**_columns(random, rows), "bought": random.random(rows) < random.uniform(0.1, 0.2)}, ""


def fewest(random: np.random.Generator) -> Table:
    """The same of 30 to 60 outcomes, the least that a claim is made of."""
    outcomes, rate = int(random.integers(30, 60)), random.uniform(0.1, 0.5)
    rows = int(outcomes / rate)
    return {**_columns(random, rows), "bought": random.permutation(np.arange(rows) < outcomes)}, ""


def repeated(random: np.random.Generator) -> Table:
    """Each customer three or four times, the same each time or nearly so."""
    customers, times = int(random.integers(300, 800)), int(random.integers(3, 5))
    who = np.repeat(np.arange(customers), times)
    columns = {name: values[who] for name, values in _columns(random, customers).items()}
    shaken = columns["x"] + random.normal(size=len(who)) * random.choice([0.0, 0.1])
    bought = (random.random(customers) < random.uniform(0.2, 0.5))[who]
    return {**columns, "x": shaken, "client": who, "bought": bought}, 'customer_id = "client"'


def moved(random: np.random.Generator) -> Table:
    """By month: what predicted the outcome predicts nothing of the last fifth, in which another share buys."""
    rows = int(random.integers(500, 2500))
    columns, late = _columns(random, rows), np.arange(rows) >= 0.8 * rows
    early = 1 / (1 + np.exp(1.1 - 0.6 * columns["x"]))
    columns["x"] = columns["x"] + late * random.uniform(0, 1.5)
    bought = random.random(rows) < np.where(late, random.uniform(0.3, 0.6), early)
    return {**columns, "month": np.arange(rows) * 24 // rows, "bought": bought}, 'order_by = "month"'


KINDS: tuple[Callable[[np.random.Generator], Table], ...] = (shuffled, few, fewest, repeated, moved)


def promoted(kind: Callable[[np.random.Generator], Table], seed: int, home: Path) -> bool:
    """Whether the gate would promote the model of one null table."""
    columns, more = kind(np.random.default_rng(seed))
    pl.DataFrame(columns).write_parquet(home / "null.parquet")
    (home / "null.toml").write_text(TOML.format(seed=seed, more=more))
    case = load_use_case(home / "null.toml")
    registry = Registry.__new__(Registry)  # none is asked: the decision on a first model needs none
    task = Task(case, learning_table(case), home, registry, "gate")
    try:
        parts = split(task.table, seed=task.seed)
        learned = fit(task, parts, choose_for(task, parts))
    except (CalibrationError, DataError, NothingLearned):
        return False  # a training ends here, with nothing to promote
    return first_decision(task, parts, learned.served[learned.choice.kind]).promote


def counted(models: int, home: Path) -> dict[str, tuple[int, int]]:
    """By kind of table how many models there were, and how many the gate would promote."""
    counts = dict.fromkeys((kind.__name__ for kind in KINDS), (0, 0))
    for seed in range(models):
        kind = KINDS[seed % len(KINDS)]
        tried, passed = counts[kind.__name__]
        counts[kind.__name__] = (tried + 1, passed + promoted(kind, seed, home))
        print(f"{seed + 1} of {models}: {counts}", file=sys.stderr, flush=True)
    return counts


def main() -> int:
    """Prints a table; 1 where more than 5% were promoted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=200)
    models = parser.parse_args().models
    with tempfile.TemporaryDirectory() as scratch:
        counts = counted(models, Path(scratch))
    print("| null tables | models | promoted |\n|---|---|---|")
    for kind, (tried, passed) in counts.items():
        print(f"| {kind} | {tried} | {passed} |")
    total = sum(passed for _, passed in counts.values())
    print(f"| all | {models} | {total} |")
    return int(total > MOST_PROMOTED * models)


def _columns(random: np.random.Generator, rows: int) -> dict[str, Any]:
    level = random.choice(["web", "shop", "phone"], rows)
    return {"x": random.normal(size=rows), "z": random.normal(size=rows), "level": level}


if __name__ == "__main__":
    raise SystemExit(main())
