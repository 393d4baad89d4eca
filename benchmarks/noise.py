"""`python -m benchmarks.noise`: challengers that differ from the champion by their seed alone; how many are promoted.

Each is a training of its own: other rows to fit, stop and calibrate on, another search, other seeds; the same data, and
the same test rows. Counted by the gain and by the guard of seed variance, before any other could keep one back.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.tasks import NAMES, Missing, use_case
from features.build.log_table import learning_table
from features.config.use_case import UseCase
from scoring.bundle.manifest import SeedVariance
from training.data.split import Parts, clusters_of, labels, learning_parts, own_cutoff, split
from training.evaluation.paired_gain import paired_gain
from training.promotion.gate import LEAST_GAIN, against
from training.promotion.guards import seed_variance
from training.registry.mlflow_registry import Registry
from training.selection.seasonality import with_season
from training.selection.seed_variance import seed_variance_of
from training.selection.winner import choose_for, fit
from training.task import Task

MOST_PROMOTED = 0.05


def main() -> int:
    """Runs the tasks asked for; 1 where more than 5% were promoted."""
    asked = _parser().parse_args()
    print("| task | challengers | promoted | largest lower end of a gain | least gain asked |")
    print("|---|---|---|---|---|")
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for name in asked.tasks:
            try:
                case = use_case(name, Path(scratch))
            except Missing:
                print(f"| {name} | its data is not in PENCHANT_DATA | | | |")
                continue
            failed |= _told(name, case, Registry(Path(scratch)), asked.challengers)
    return int(failed)


def _told(name: str, case: UseCase, registry: Registry, count: int) -> bool:
    task = Task(case, learning_table(case), registry.home, registry, "never")
    parts = split(task.table, seed=task.seed)
    (champion, _), label = _served(task, parts), labels(parts.test)
    clusters, promoted, lows, least = clusters_of(parts.test), 0, [], 0.0
    for number, (seed, served, spread) in enumerate(_challengers(task, parts, count), start=1):
        gain = paired_gain(label, served, champion, clusters, seed=seed)
        least = LEAST_GAIN * gain["champion_log_loss"]
        guard = seed_variance(gain["log_loss_gain"]["mean"], least, spread)
        decision = against(gain, [guard] if guard else ())
        promoted += decision.promote
        lows.append(gain["log_loss_gain"]["low"])
        print(f"{name}: {number} of {count}, {promoted} promoted", file=sys.stderr, flush=True)
    print(f"| {name} | {count} | {promoted} | {max(lows):.4f} | {least:.4f} |", flush=True)
    return promoted > MOST_PROMOTED * count


def _challengers(
    task: Task, parts: Parts, count: int
) -> Iterator[tuple[int, NDArray[np.float64], SeedVariance | None]]:
    learning, own = parts.learning, own_cutoff(task.table)
    for seed in range(1000, 1000 + count):
        other = replace(task, use_case=task.use_case.model_copy(update={"seed": seed}))
        yield seed, *_served(other, Parts(*learning_parts(learning, own, seed=seed), parts.test))


def _served(task: Task, parts: Parts) -> tuple[NDArray[np.float64], SeedVariance | None]:
    parts, choice, _ = with_season(task, parts, choose_for(task, parts))
    learned = fit(task, parts, choice)
    return learned.winner.probability(learned.test), seed_variance_of(task, parts, choice, learned.taught)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noise", description="How often chance is promoted.")
    parser.add_argument("--tasks", nargs="+", choices=NAMES, default=("cdnow-churn", "bank"))
    parser.add_argument("--challengers", type=int, default=50, help="per task (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
