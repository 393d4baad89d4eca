"""The same rows for all: five folds of a table, the one test cutoff of a log, and what each model says of them.

What was predicted is kept in a folder, a file a model and fold, so that a run that was ended goes on where it was.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.compare.competitors import COMPETITORS, predicted
from benchmarks.compare.public_tables import MOST_ROWS
from features.build.log_table import learning_table
from features.config.use_case import UseCase
from training.data.clusters import Clusters
from training.data.split import Parts, clusters_of, labels, learning_parts, share_out, split
from training.registry.mlflow_registry import Registry
from training.selection.seasonality import with_season
from training.selection.winner import choose_for, fit
from training.task import Task

FOLDS = 5
OURS = "penchant"
MODELS = (OURS, *COMPETITORS)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predicted:
    """The test rows of all folds, one after another, and what each model says of them."""

    label: Floats
    clusters: Clusters
    fold: NDArray[np.int64]  # 0, 1, ...
    said: dict[str, Floats]  # by model
    served: tuple[str, ...]  # the kind of ours that each fold's learning rows chose
    base: tuple[float, float]  # rates of learning and test rows


def dealt(task: Task) -> list[Parts]:
    """Five folds of a ready table, whole customers at a time, each the test once; the parts of a log."""
    if task.table.cutoffs is not None:
        return [split(task.table, seed=task.seed)]
    rows = task.table.rows
    part = share_out(rows, (1.0,) * FOLDS, seed=task.seed)
    return [
        Parts(*learning_parts(rows.filter(part != fold), None, seed=task.seed + fold), rows.filter(part == fold))
        for fold in range(FOLDS)
    ]


def predictions(case: UseCase, home: Path, folder: Path, models: tuple[str, ...] = MODELS) -> Predicted:
    """What every model says of every fold's test rows, as far as a folder does not hold it yet."""
    task = _task(case, Registry(home))
    folds = dealt(task)
    said: dict[str, list[Floats]] = {
        name: [_kept(task, parts, number, name, folder) for number, parts in enumerate(folds)] for name in models
    }
    test = pl.concat([parts.test for parts in folds])
    served = tuple(_kind_file(folder, task.name, number).read_text() for number in range(len(folds)))
    rates = folds[0].base_rates()
    return Predicted(
        labels(test),
        clusters_of(test),
        np.repeat(np.arange(len(folds)), [parts.test.height for parts in folds]),
        {name: np.concatenate(each) for name, each in said.items()},
        served,
        (rates["train"], rates["test"]),
    )


def _task(case: UseCase, registry: Registry) -> Task:
    table = learning_table(case)
    if table.rows.height > MOST_ROWS and table.cutoffs is None:
        taken = np.sort(np.random.default_rng(case.seed).permutation(table.rows.height)[:MOST_ROWS])
        table = replace(table, rows=table.rows[taken])
    return Task(case, table, registry.home, registry, "never")


def _kept(task: Task, parts: Parts, number: int, name: str, folder: Path) -> Floats:
    file = folder / f"{task.name}.{number}.{name}.npy"
    if not file.is_file():
        began = time.process_time()
        said = (
            _ours(task, parts, _kind_file(folder, task.name, number))
            if name == OURS
            else predicted(name, task.table.features, parts, seed=task.seed)
        )
        np.save(file, said)
        spent = time.process_time() - began
        print(f"{task.name} {number} {name}: {spent:.1f} s of processor time", file=sys.stderr, flush=True)
    return np.asarray(np.load(file), dtype=np.float64)


def _ours(task: Task, parts: Parts, kind: Path) -> Floats:
    """What a training on these parts would serve for the test rows."""
    parts, choice, _ = with_season(task, parts, choose_for(task, parts))
    learned = fit(task, parts, choice)
    kind.write_text(choice.kind, encoding="utf-8")
    return learned.winner.probability(learned.test)


def _kind_file(folder: Path, task: str, number: int) -> Path:
    return folder / f"{task}.{number}.{OURS}.txt"
