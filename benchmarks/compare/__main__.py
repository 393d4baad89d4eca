"""`make compare`: sixteen public tasks, ours beside XGBoost, LightGBM, CatBoost and scikit-learn on the same rows.

Asked is that after Holm's correction at most one task is surely behind the best competitor in log-loss, that our mean
rank is at most 2, that where rates have not moved the ECE is at most what chance would show or .03, and that the net
value of a plan is on no task surely below the best competitor's. Predictions are kept in a folder, so that a run that
was ended goes on where it was; `--anew` makes a model's again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.compare.figures import SURE, Figures, holm
from benchmarks.compare.folds import MODELS, OURS, predictions
from benchmarks.compare.public_tables import PUBLIC, write_table
from benchmarks.tasks import NAMES, Missing, use_case
from features.config.use_case import UseCase, load_use_case
from training.diagnostics.findings import SHIFT
from training.evaluation.calibration_error import CALIBRATED

MOST_BEHIND, MOST_RANK = 1, 2.0
TASKS = (*PUBLIC, *NAMES)


def main() -> int:
    """Prints the tables; 1 where something asked was not kept."""
    asked = _parser().parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    found = []
    with tempfile.TemporaryDirectory() as home:
        for name in asked.tasks:
            try:
                case = _case(name, asked.folder)
            except Missing:
                print(f"{name}: its data is not in PENCHANT_DATA", file=sys.stderr)
                continue
            for file in [file for model in asked.anew for file in asked.folder.glob(f"{case.name}.*.{model}.npy")]:
                file.unlink()
            found.append(Figures.of(name, predictions(case, Path(home), asked.folder), seed=case.seed))
    print("\n".join(report(found)))
    return int(bool(faults(found)))


def report(found: list[Figures]) -> list[str]:
    """Two tables and what is not kept, as lines of Markdown."""
    corrected = holm([one.behind.p for one in found])
    losses = [
        [
            one.name,
            f"{one.rows:,}",
            *(f"{one.losses[model]:.4f}" for model in MODELS),
            one.best,
            f"{one.behind.mean:+.4f} ({one.behind.low:+.4f} to {one.behind.high:+.4f})",
            f"{p:.3f}",
            f"{one.rank:.0f}",
            _counted(one.served),
        ]
        for one, p in zip(found, corrected, strict=True)
    ]
    values = [
        [
            one.name,
            f"{one.base[0]:.3f} -> {one.base[1]:.3f}",
            *(f"{one.ece[model]:.3f}" for model in MODELS),
            f"{one.chance:.3f}",
            f"{one.value[OURS]:.3f}",
            f"{one.richest} {one.value[one.richest]:.3f}",
            f"{one.richer.mean:+.3f} ({one.richer.low:+.3f} to {one.richer.high:+.3f})",
        ]
        for one in found
    ]
    heads = [
        ["task", "rows", *MODELS, "best competitor", "ours behind it (95 %)", "p (Holm)", "rank", "served"],
        ["task", "base rate", *(f"ECE {model}" for model in MODELS), "by chance", "net value", "best", "ours over it"],
    ]
    lines = [line for head, rows in zip(heads, (losses, values), strict=True) for line in [*_table(head, rows), ""]]
    rank = float(np.mean([one.rank for one in found])) if found else 0.0
    return [*lines, f"Mean rank {rank:.2f} of {len(MODELS)}.", *(faults(found) or ["All that is asked is kept."])]


def faults(found: list[Figures]) -> list[str]:
    """What is asked and not kept."""
    corrected = holm([one.behind.p for one in found])
    behind = [one.name for one, p in zip(found, corrected, strict=True) if p < SURE and one.behind.mean > 0]
    broken = [f"Surely behind in log-loss: {', '.join(behind)}."] if len(behind) > MOST_BEHIND else []
    if found and np.mean([one.rank for one in found]) > MOST_RANK:
        broken.append(f"The mean rank is above {MOST_RANK:.0f}.")
    for one in found:
        moved = abs(one.base[1] - one.base[0]) > SHIFT * one.base[0]
        if not moved and one.ece[OURS] > max(CALIBRATED, one.chance):
            broken.append(f"{one.name}: the ECE is beyond chance.")
        if one.richer.high < 0:
            broken.append(f"{one.name}: the net value is surely below that of {one.richest}.")
    return broken


def _case(name: str, folder: Path) -> UseCase:
    return load_use_case(write_table(name, folder)) if name in PUBLIC else use_case(name, folder)


def _counted(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"{kind} {kinds.count(kind)}" for kind in dict.fromkeys(kinds))


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description="Sixteen tasks, five models.")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--anew", nargs="+", choices=MODELS, default=[], help="predict again by these")
    parser.add_argument("--folder", type=Path, default=Path(".compare"), help="where predictions are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
