"""`python -m benchmarks.tables`: feature tables by us, by DuckDB SQL written by hand and by pandas, side by side.

Each is a process of its own that reads the same log and writes the same features; the tables are held against each
other. Every round runs all in turn, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import polars as pl

from benchmarks.contenders import ROOT
from benchmarks.tables.world import CUTOFF, Log, write

OURS, BOUNDED, SQL, SQL_BOUNDED, PANDAS = "ours", "ours, bounded", "SQL by hand", "SQL by hand, bounded", "pandas"
CPU_MUST, MEMORY_MUST = 1.15, 1 / 3
NEAR = 1e-9  # of a double, where sums are taken in another order


@dataclass(frozen=True)
class Cost:
    """What one process used."""

    cpu: float  # seconds
    peak: int  # bytes


def main() -> int:
    """Runs the comparison; Markdown on stdout. 1 where the tables differ."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        log = Log(options.folder or Path(scratch))
        if not log.events.exists():
            write(log, options.events)
        costs: dict[str, list[Cost]] = {}
        for _ in range(options.rounds):
            for name, (arguments, memory) in _contenders(log, Path(scratch), options.memory).items():
                costs.setdefault(name, []).append(_run(arguments, memory))
        made = {name: Path(scratch) / f"{name}.parquet" for name in costs}
        apart = [name for name, path in made.items() if not _alike(made[OURS], path)]
    print("\n".join(_told(options.events, costs)))
    for name in apart:
        print(f"{name} made another table than ours", file=sys.stderr)
    return 1 if apart else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="600MB", help="DuckDB's bound where it is bounded")
    parser.add_argument("--folder", type=Path, help="keep the log here, or take the one that is there")
    return parser


def _contenders(log: Log, folder: Path, memory: str) -> dict[str, tuple[list[str], str | None]]:
    def by(module: str, name: str, *more: str) -> list[str]:
        return [f"benchmarks.tables.{module}", str(log.events), str(folder / f"{name}.parquet"), *more]

    def ours(name: str) -> list[str]:
        out = ["--cutoff", f"{CUTOFF:%Y-%m-%d}", "--out", str(folder / f"{name}.parquet")]
        return ["features", "build", str(log.use_case), *out]

    return {
        OURS: (ours(OURS), None),
        SQL: (by("by_sql", SQL, "default"), None),
        PANDAS: (by("by_pandas", PANDAS), None),
        BOUNDED: (ours(BOUNDED), memory),
        SQL_BOUNDED: (by("by_sql", SQL_BOUNDED, memory), None),
    }


def _run(arguments: list[str], memory: str | None) -> Cost:
    surroundings = {name: value for name, value in os.environ.items() if name != "PENCHANT_MEMORY"}
    surroundings |= {} if memory is None else {"PENCHANT_MEMORY": memory}
    started = time.perf_counter()
    command, quiet = [sys.executable, "-m", *arguments], subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=quiet, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {process.returncode}: {said.decode()[-2000:]}")
    cost, seconds = Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024), time.perf_counter() - started
    figures = f"{cost.cpu:.1f} s CPU, {cost.peak / 2**20:.0f} MiB, {seconds:.0f} s"
    print(f"{arguments[0]} {memory or ''}: {figures}", file=sys.stderr)
    return cost


def _alike(ours: Path, theirs: Path) -> bool:
    """Whether two tables have the same rows, the same gaps, and numbers that differ in their last digits only."""
    one, other = (pl.read_parquet(path).sort("customer_id") for path in (ours, theirs))
    if set(one.columns) != set(other.columns) or not one["customer_id"].equals(other["customer_id"]):
        return False
    columns = [name for name in one.columns if name != "customer_id"]
    return all(_near(one[name].cast(pl.Float64), other[name].cast(pl.Float64)) for name in columns)


def _near(mine: pl.Series, theirs: pl.Series) -> bool:
    close = ((mine - theirs).abs() <= NEAR * (1 + mine.abs())).all()
    return bool(mine.is_null().equals(theirs.is_null()) and close)


def _told(events: int, costs: dict[str, list[Cost]]) -> list[str]:
    ratio = median(a.cpu / b.cpu for a, b in zip(costs[OURS], costs[SQL], strict=True))
    share = median(a.peak / b.peak for a, b in zip(costs[OURS], costs[PANDAS], strict=True))
    lines = [f"| {events:,} events, 90 features | CPU s | peak MiB |", "|---|---|---|"]
    for name, runs in costs.items():
        cpu, peak = median(run.cpu for run in runs), median(run.peak for run in runs)
        lines.append(f"| {name} | {cpu:.1f} | {peak / 2**20:,.0f} |")
    asked = f"CPU against SQL by hand: {ratio:.2f} (must {CPU_MUST}); "
    return [*lines, "", f"{asked}peak memory against pandas: {share:.2f} (must {MEMORY_MUST:.2f})"]


if __name__ == "__main__":
    raise SystemExit(main())
