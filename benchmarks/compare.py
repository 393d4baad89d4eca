"""`python -m benchmarks.compare`: six tasks, our model against the best of four others on the same rows.

The others are the RFM logit, the logit, XGBoost as its library sets it, and XGBoost lightly set. All are fitted,
stopped and calibrated on the rows that ours is, and measured on the test rows that none has seen. The best of them is
taken twice, by its test log-loss and by its test ROC-AUC, which favours them. Asked is that ours is not surely worse
in log-loss; where the base rate moved by more than a tenth, that its ROC-AUC is within .003 and the shift named;
elsewhere that its ECE is at most .03, or what 95 % of labels drawn from its own probabilities show.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.tasks import NAMES, Missing, use_case
from features.build.log_table import learning_table
from features.config.use_case import UseCase
from scoring.text.promotion import Interval
from training.data.split import split
from training.diagnostics.findings import SHIFT, training_findings
from training.errors import CalibrationError
from training.evaluation.calibration_error import CALIBRATED
from training.evaluation.metrics import ece_by_chance
from training.evaluation.paired_gain import PairedGain, paired_gain
from training.fitting.candidates import XGBOOSTS_OWN, Fit, candidates, fit_xgboost
from training.fitting.fit import contend
from training.registry.mlflow_registry import Registry
from training.selection.seasonality import with_season
from training.selection.winner import Learned, choose_for, fit, measured
from training.task import Task

NEAR = 0.003  # of ROC-AUC
BASE_RATE = "base rate"
SHIFTS = ("base_rate_shift", "outside_learned_range")
COLUMNS = 16
HEAD = (
    "| task | test rows | base rate | ours | log-loss | ROC-AUC | best other by log-loss | log-loss | gain (95 %) |"
    " best other by ROC-AUC | ROC-AUC | ours over it | ECE | by chance | notes | kept |"
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One task's figures; `gain` is over the other of the lowest log-loss, with 95% intervals."""

    name: str
    rows: int
    base: tuple[float, float]  # learning and test rows
    kind: str
    ours: dict[str, float]
    other: str
    gain: PairedGain
    ranker: str  # of the others, the one of the highest ROC-AUC
    behind: Interval  # how much higher our ROC-AUC is than its
    chance: float
    shifts: tuple[str, ...]  # what is named as having moved: the base rate, features
    season: str

    def faults(self) -> list[str]:
        """What is asked and not kept."""
        moved = abs(self.base[1] - self.base[0]) > SHIFT * self.base[0]
        error = self.ours["ece"] > max(CALIBRATED, self.chance)
        found = {
            "log-loss surely worse": self.gain["log_loss_gain"]["high"] < 0,
            "ROC-AUC behind": moved and self.behind["mean"] < -NEAR,
            "ECE beyond chance": error and not moved,
            "a shift is not named": moved and BASE_RATE not in self.shifts,
        }
        return [fault for fault, there in found.items() if there]

    def line(self) -> str:
        """As it stands in the table."""
        gain = self.gain["log_loss_gain"]
        loss, auc = self.ours["log_loss"], self.ours["roc_auc"]
        shifts = f"named as shifted: {', '.join(self.shifts)}" if self.shifts else ""
        notes = [*self.faults(), shifts, self.season]
        cells = [
            self.name,
            f"{self.rows:,}",
            f"{self.base[0]:.3f} -> {self.base[1]:.3f}",
            f"{self.kind} | {loss:.4f} | {auc:.4f}",
            f"{self.other} | {loss + gain['mean']:.4f}",
            f"{gain['mean']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})",
            f"{self.ranker} | {auc - self.behind['mean']:.4f} | {self.behind['mean']:+.4f}",
            f"{self.ours['ece']:.4f}",
            f"{self.chance:.4f}",
            "; ".join(note for note in notes if note),
            "no" if self.faults() else "yes",
        ]
        return f"| {' | '.join(cells)} |"


def main() -> int:
    """Prints the table; 1 where something asked was not kept."""
    asked = _parser().parse_args()
    print(HEAD)
    print("|" + "---|" * COLUMNS)
    faults = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in asked.tasks:
            try:
                row = compared(name, use_case(name, Path(scratch)), Registry(Path(scratch)))
            except Missing:
                print(f"| {name} | its data is not in PENCHANT_DATA |{' |' * (COLUMNS - 2)}")
                continue
            print(row.line(), flush=True)
            faults += len(row.faults())
    return int(faults > 0)


def compared(name: str, case: UseCase, registry: Registry) -> Row:
    """One task, trained as `python -m training` does, beside the others."""
    task = Task(case, learning_table(case), registry.home, registry, "never")
    parts = split(task.table, seed=task.seed)
    choice = choose_for(task, parts)
    parts, choice, season = with_season(task, parts, choice)
    learned = fit(task, parts, choice)
    evidence = measured(task, parts, learned)
    served = learned.winner.probability(learned.test)
    others = _others(task, learned)
    label, clusters = learned.test_labels, learned.test_clusters
    gains = {kind: paired_gain(label, served, other, clusters, seed=task.seed) for kind, other in others.items()}
    best = min(gains, key=lambda kind: gains[kind]["champion_log_loss"])
    ranker = min(gains, key=lambda kind: gains[kind]["roc_auc_gain"]["mean"])
    named = [finding for finding in training_findings(parts, learned, evidence) if finding.rule in SHIFTS]
    rates = parts.base_rates()
    return Row(
        name,
        len(served),
        (rates["train"], rates["test"]),
        choice.kind,
        evidence.metrics,
        best,
        gains[best],
        ranker,
        gains[ranker]["roc_auc_gain"],
        ece_by_chance(label, served, clusters, seed=task.seed),
        tuple(finding.feature or BASE_RATE for finding in named),
        "a year earlier helped" if season.used else "",
    )


def _others(task: Task, learned: Learned) -> dict[str, Floats]:
    """What each of the others would serve for the test rows; one that cannot be calibrated is left out."""
    ours = candidates(task.table.features, task.label_event)
    fits: dict[str, Fit] = {kind: ours[kind] for kind in ("rfm_logit", "logit") if kind in ours}
    fits |= {"xgboost, plain": partial(fit_xgboost, settings=XGBOOSTS_OWN), "xgboost, lightly set": fit_xgboost}
    served = {}
    for kind, one in fits.items():
        try:
            served[kind] = contend(learned.taught, one, seed=task.seed).probability(learned.test)
        except CalibrationError:
            continue
    return served


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description="Six tasks, one table.")
    parser.add_argument("--tasks", nargs="+", choices=NAMES, default=NAMES)
    return parser


if __name__ == "__main__":
    sys.exit(main())
