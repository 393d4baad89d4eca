"""`python -m benchmarks.scale`: a whole training of a large table beside `xgboost.train` on a QuantileDMatrix alone.

Both in one run, each in a process of its own; the booster is the one the training chose, on as many rows as it fitted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.tasks import ROOT

NUMBERS, CATEGORIES, LEVELS = 30, 10, 20
USE_CASE = """
name = "large"
polarity = "positive"
[table]
path = "large.parquet"
label = "y"
positive = 1
"""
BARE = """
import json, sys
import polars as pl, xgboost
rows = pl.read_parquet(sys.argv[1]).head(int(sys.argv[2]))
label = rows.drop_in_place("y").to_numpy()
matrix = rows.with_columns(pl.col(pl.String).cast(pl.Categorical).to_physical()).cast(pl.Float32).to_numpy()
data = xgboost.QuantileDMatrix(matrix, label=label)
params = {"objective": "binary:logistic", "eta": 0.05, "max_depth": 4, "subsample": 0.8, "colsample_bytree": 0.8}
xgboost.train(params, data, num_boost_round=int(sys.argv[3]))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took."""

    cpu: float  # seconds
    peak: float  # MiB resident


def main() -> int:
    """Prints the table."""
    asked = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write_table(folder / "large.parquet", asked.rows)
        (folder / "large.toml").write_text(USE_CASE)
        words = ["-m", "training", "--json", "--home", str(folder / "home"), str(folder / "large.toml")]
        whole = _cost(words, folder / "said.json")
        (line,) = json.loads((folder / "said.json").read_text())
        rounds = _rounds(folder / "home", line)
        alone = _cost(
            ["-c", BARE, str(folder / "large.parquet"), str(line["rows"]["fit"]), str(rounds)], folder / "none"
        )
    print(f"{asked.rows:,} rows x {NUMBERS + CATEGORIES} columns; {line['kind']}, {rounds} rounds")
    print("| | CPU s | peak MiB |\n|---|---|---|")
    print(f"| `python -m training` | {whole.cpu:.1f} | {whole.peak:.0f} |")
    print(f"| `xgboost.train` alone | {alone.cpu:.1f} | {alone.peak:.0f} |")
    print("stages, wall-clock s: " + ", ".join(f"{stage} {spent}" for stage, spent in line["seconds"].items()))
    return 0


def _write_table(path: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    numbers = {f"n{at}": random.normal(size=rows).astype(np.float32) for at in range(NUMBERS)}
    codes = random.integers(0, LEVELS, (CATEGORIES, rows))
    texts = {f"c{at}": pl.Series(codes[at]).cast(pl.String) for at in range(CATEGORIES)}
    odds = numbers["n0"] * numbers["n1"] + np.sin(numbers["n2"]) + 0.1 * (codes[0] - LEVELS / 2) - 1
    label = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    pl.DataFrame({**numbers, **texts, "y": label}).write_parquet(path)


def _cost(words: Sequence[str], out: Path) -> Cost:
    with out.open("wb") as said:
        process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=said, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _rounds(home: Path, line: dict[str, str]) -> int:
    manifest = json.loads((home / line["release"] / "manifest.json").read_text())
    return int(manifest["params"].get("rounds", 300))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="A training beside its booster.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
