"""A small training beside `xgboost.train` under MLflow's own autolog: two whole processes, each on a new MLflow home.

The peer fits one booster of 300 rounds (`benchmarks.peers.autolog`). Ours compares candidates by folds, measures with
intervals, proves its bundle, draws its report, registers and promotes: as `python -m training` does with no options.
What Python compiles of either is kept, as where they are installed.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.contenders import ROOT
from benchmarks.files import Cost, run
from benchmarks.measures import BANK, WIDE
from benchmarks.scale import write_table

ROWS = 3_000
EXAMPLE = ROOT / "examples" / "bank" / "bank_full.parquet"
LEAK = "duration"  # which the example leaves out too
USE_CASE = """
name = "small"
polarity = "positive"
[table]
path = "table.csv"
label = "y"
positive = "{positive}"
"""


@dataclass(frozen=True)
class Small:
    """A table of 3,000 rows as CSV, and the use case that reads it."""

    folder: Path
    positive: str

    def ours(self) -> Cost:
        """`python -m training` on a new home."""
        return self._cost(["-m", "training", str(self.folder / "use-case.toml"), "--home", "home"])

    def autolog(self) -> Cost:
        """The peer, in a new folder."""
        return self._cost(["-m", "benchmarks.peers.autolog", str(self.folder / "table.csv"), self.positive])

    def _cost(self, arguments: list[str]) -> Cost:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PENCHANT_", "MLFLOW_"))}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        passive = {"OMP_WAIT_POLICY": "PASSIVE", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": str(ROOT)}
        with tempfile.TemporaryDirectory() as folder:
            return run(["-W", "ignore", *arguments], folder=Path(folder), environment=kept | passive)


def small_tables(folder: Path) -> dict[str, Small]:
    """By name: 3,000 customers of the bank example, drawn by seed, and 3,000 rows as `benchmarks.scale` makes them."""
    bank = pl.read_parquet(EXAMPLE).drop(LEAK).sample(ROWS, seed=0)
    wide = folder / "wide"
    wide.mkdir()
    write_table(wide, ROWS)
    return {
        BANK: _written(folder / "bank", bank, "yes"),
        WIDE: _written(wide, pl.read_parquet(wide / "table.parquet"), "1"),
    }


def _written(folder: Path, rows: pl.DataFrame, positive: str) -> Small:
    folder.mkdir(exist_ok=True)
    rows.write_csv(folder / "table.csv")
    (folder / "use-case.toml").write_text(USE_CASE.format(positive=positive))
    return Small(folder, positive)
