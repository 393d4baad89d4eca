"""`python -m benchmarks.scale`: a whole training of a large table beside `xgboost.train` on a QuantileDMatrix alone.

Both in one run, each in a process of its own; the booster is the one the training chose, on as many rows as it fitted.
What the training spends is reported by its parts (`benchmarks.spent`), boosting by what it is for.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.spent import BOOSTING, CONSTANT
from benchmarks.tasks import EXAMPLES, ROOT
from features.build.log_table import learning_table
from features.config.use_case import load_use_case

NUMBERS, CATEGORIES, LEVELS = 30, 10, 20
USE_CASE = """
name = "large"
polarity = "positive"
[table]
path = "table.parquet"
label = "y"
positive = 1
"""
BARE = """
import json, os, sys
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as trainings: spinning threads would count against it
import polars as pl, xgboost
rows = pl.read_parquet(sys.argv[1]).head(int(sys.argv[2]))
label = rows.drop_in_place("y").to_numpy()
matrix = rows.with_columns(pl.col(pl.String).cast(pl.Categorical).to_physical()).cast(pl.Float32).to_numpy()
data = xgboost.QuantileDMatrix(matrix, label=label)
params = {"objective": "binary:logistic", **json.loads(sys.argv[4])}
xgboost.train(params, data, num_boost_round=int(sys.argv[3]))
"""
TABLE, ROUNDS = "table.parquet", 300
PLAIN = {"eta": 0.05, "max_depth": 4, "subsample": 0.8, "colsample_bytree": 0.8}
CDNOW = "cdnow-churn"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took."""

    cpu: float  # seconds
    peak: float  # MiB resident


@dataclass(frozen=True, slots=True)
class Spent:
    """What a training took, by its parts."""

    cpu: Mapping[str, float]
    peak: Mapping[str, float]

    def outside(self, *, fixed: bool) -> float:
        """Processor seconds outside boosting that every training pays (`fixed`), or that grow with the rows."""
        return sum(
            cpu for part, cpu in self.cpu.items() if not part.startswith(BOOSTING) and (part in CONSTANT) == fixed
        )

    def highest(self, *, boosting: bool) -> float:
        """The peak of all parts that are boosting, or of all that are not."""
        return max(peak for part, peak in self.peak.items() if part.startswith(BOOSTING) == boosting)

    def boosting(self) -> float:
        """Processor seconds of all boosting."""
        return sum(cpu for part, cpu in self.cpu.items() if part.startswith(BOOSTING))

    def lines(self) -> list[str]:
        """A row of a table a part, the dearest first; parts of no account in one."""
        dear = [part for part in sorted(self.cpu, key=lambda part: -self.cpu[part]) if self.cpu[part] >= 0.5]
        rest = sum(self.cpu.values()) - sum(self.cpu[part] for part in dear)
        rows = [f"| {part} | {self.cpu[part]:.1f} | {self.peak[part]:.0f} |" for part in dear]
        return [*rows, f"| all else | {rest:.1f} | |"]


def main() -> int:
    """Prints the tables."""
    asked = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        file = ROOT / EXAMPLES[CDNOW] if asked.cdnow else write_table(folder, asked.rows)
        if asked.cdnow:
            _write_learning_table(folder, file)
        spent, line = _trained(file, folder)
        alone = _cost(["-c", BARE, str(folder / TABLE), *_bare_words(line)], folder / "none")
        _tell(line, spent, alone)
    return 0


def _trained(file: Path, folder: Path) -> tuple[Spent, dict[str, Any]]:
    words = ["-m", "benchmarks.spent", str(folder / "spent.json"), "--json", "--home", str(folder / "home"), str(file)]
    _cost(words, folder / "said.json")
    (line,) = json.loads((folder / "said.json").read_text())
    manifest = json.loads((folder / "home" / line["release"] / "manifest.json").read_text())
    line |= {"params": manifest["params"], "width": len(manifest["features"])}
    return Spent(**json.loads((folder / "spent.json").read_text())), line


def _tell(line: Mapping[str, Any], spent: Spent, alone: Cost) -> None:
    rows, rounds = sum(line["rows"][part] for part in ("train", "test")), _bare_words(line)[1]
    print(f"{rows:,} rows x {line['width']} features; {line['kind']} chosen; alone: {rounds} rounds")
    print("\n| | CPU s | peak MiB |\n|---|---|---|")
    print(f"| `python -m training` | {sum(spent.cpu.values()):.1f} | {max(spent.peak.values()):.0f} |")
    print(f"| of which boosting | {spent.boosting():.1f} | {spent.highest(boosting=True):.0f} |")
    print(
        f"| outside boosting, with the rows | {spent.outside(fixed=False):.1f} | {spent.highest(boosting=False):.0f} |"
    )
    print(f"| outside boosting, whatever the rows | {spent.outside(fixed=True):.1f} | |")
    print(f"| `xgboost.train` alone | {alone.cpu:.1f} | {alone.peak:.0f} |")
    print("\n| part | CPU s | peak MiB |\n|---|---|---|")
    print("\n".join(spent.lines()))


def _bare_words(line: Mapping[str, Any]) -> list[str]:
    """The rows, rounds and settings of the booster alone: those of the one chosen, or plain ones."""
    params = dict(line["params"]) if line["kind"] == "xgboost" else {**PLAIN, "rounds": ROUNDS}
    rounds = params.pop("rounds")
    kept = {name: value for name, value in params.items() if name != "stopping_loss"}
    return [str(line["rows"]["fit"]), str(rounds), json.dumps(kept)]


def _write_learning_table(folder: Path, file: Path) -> None:
    """A log's learning table as the booster alone reads it."""
    table = learning_table(load_use_case(file))
    names = [feature.name for feature in table.features]
    table.rows.select(*names, pl.col("__label").alias("y")).write_parquet(folder / TABLE)


def write_table(folder: Path, rows: int) -> Path:
    """A generated table, numbers and texts, and its use case."""
    random = np.random.default_rng(0)
    numbers = {f"n{at}": random.normal(size=rows).astype(np.float32) for at in range(NUMBERS)}
    codes = random.integers(0, LEVELS, (CATEGORIES, rows))
    levels = pl.Series([f"level {code}" for code in range(LEVELS)])
    texts = {f"c{at}": levels.gather(codes[at]) for at in range(CATEGORIES)}
    odds = numbers["n0"] * numbers["n1"] + np.sin(numbers["n2"]) + 0.1 * (codes[0] - LEVELS / 2) - 1
    label = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    pl.DataFrame({**numbers, **texts, "y": label}).write_parquet(folder / TABLE)
    (folder / "large.toml").write_text(USE_CASE)
    return folder / "large.toml"


def _cost(words: Sequence[str], out: Path) -> Cost:
    with out.open("wb") as said:
        process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=said, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="A training beside its booster.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table (default: %(default)s)")
    parser.add_argument("--cdnow", action="store_true", help="CDNOW's churn instead of a generated table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
