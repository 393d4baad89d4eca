"""`python -m benchmarks.daily_run`: a day of a million customers and ten million events beside what it must do.

Two models of trees, three reasons each. Beside the run stand the features built by their own command, and in one
process the scores, the contributions and the writing of the very tables that the day has. Peak memory is that of the
largest process; less the feature table in memory it may not grow with the customers.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.files import Cost, run
from benchmarks.tables.world import CUTOFF, USE_CASE, Log, write
from features.config.use_case import LogUseCase, load_use_case
from features.tables.digests import features_digest
from scoring.population.day_index import INDEX
from scoring.population.days import day_folder
from scoring.releases.store import load_release

EACH = 10  # events of a customer
TAUGHT = 200_000  # events that the models learn from
MONITORING = ("outcomes", "monitor")
NAMES = {"churn": ("negative", "absent"), "shop": ("positive", "present")}


@dataclass(frozen=True)
class Beside:
    """What a day cannot do without: processor seconds of each part, and the bytes of the feature table in memory."""

    features: float  # of each use case by a command of its own
    shared: float  # of that what the run spares, since use cases that ask for the same features share them
    predict: float
    reasons: float
    writing: float
    store: float
    table: int

    @property
    def seconds(self) -> float:
        """All parts but the online store."""
        return self.features + self.predict + self.reasons + self.writing


def main() -> int:
    """Prints a table of each number of customers."""
    asked = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        if not (folder / "home/releases").exists():
            _train(folder)
        for customers in asked.customers:
            day, beside = _measured(folder, customers)
            _tell(customers, day, beside)
    return 0


def _train(folder: Path) -> None:
    """Two models of trees, of a small log of the same law."""
    _write(folder / "taught", TAUGHT)
    files = [str(folder / "taught" / f"{name}.toml") for name in NAMES]
    run(["-W", "ignore", "-m", "training", "--promote", "always", "--home", str(folder / "home"), *files])


def _write(folder: Path, events: int) -> None:
    """A log, and the use cases on it."""
    write(Log(folder), events, each=EACH)
    for name, (polarity, outcome) in NAMES.items():
        text = USE_CASE.replace('"shop"', f'"{name}"').replace('"positive"', f'"{polarity}"')
        text = text.replace('"present"', f'"{outcome}"')
        (folder / f"{name}.toml").write_text(f'candidate = "xgboost"\n{text}')


def _measured(folder: Path, customers: int) -> tuple[Cost, Beside]:
    log, home = folder / f"log-{customers}", folder / "home"
    if not log.exists():
        _write(log, customers * EACH)
    entries = [f"[[use_case]]\nfile = {json.dumps(str(log / name))}\n" for name in (f"{name}.toml" for name in NAMES)]
    (home / "run.toml").write_text("\n".join(entries))
    shutil.rmtree(day_folder(home, CUTOFF), ignore_errors=True)
    (home / "store.db").unlink(missing_ok=True)
    words = ["--home", str(home), "--as-of", CUTOFF.date().isoformat()]
    day = run(["-W", "ignore", "-m", "benchmarks.daily_run", "--scored", *words])
    print((home / "population/last_run.json").read_text(), file=sys.stderr)
    return day, _beside(folder, log)


def scored(words: list[str]) -> int:
    """`penchant run` but for the steps that look at what became of scores: nothing that stands beside has them."""
    from penchant.cli.run import main as run_day
    from penchant.daily import day_steps

    assert isinstance(day_steps.STEPS, dict)
    for name in MONITORING:
        del day_steps.STEPS[name]
    return run_day(words)


def _beside(folder: Path, log: Path) -> Beside:
    """Each part of a day alone."""
    home, day, built = folder / "home", day_folder(folder / "home", CUTOFF), dict[str, float]()
    for name in NAMES:
        out = folder / f"features-{name}"
        shutil.rmtree(out, ignore_errors=True)  # else it would be taken as built
        words = ["features", "build", str(log / f"{name}.toml"), "--cutoff", CUTOFF.isoformat(), "--out", str(out)]
        built[name] = run(["-m", *words, "--home", str(folder / "elsewhere")]).cpu_seconds
    file = folder / "store.parquet"
    _write_joined(day, file)
    store = run(["-m", "serving", "load", str(file), "--home", str(home), "--as-of", CUTOFF.isoformat()]).cpu_seconds
    words = [str(home), str(day), str(folder / "beside.json")]
    run(["-W", "ignore", "-m", "benchmarks.daily_run", "--beside", *words])
    digests = {name: features_digest(_use_case(log, name)) for name in NAMES}
    once = {digest: built[name] for name, digest in digests.items()}
    total = sum(built.values())
    return Beside(total, total - sum(once.values()), store=store, **json.loads((folder / "beside.json").read_text()))


def _use_case(log: Path, name: str) -> LogUseCase:
    found = load_use_case(log / f"{name}.toml")
    assert isinstance(found, LogUseCase)
    return found


def _write_joined(day: Path, file: Path) -> None:
    parts = sorted(day.glob("features-shop-*.parquet"))
    with pq.ParquetWriter(file, pq.read_schema(parts[0])) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part))


def beside(home: Path, day: Path, out: Path) -> None:
    """Scores, contributions and writing alone: seconds of processor time of each, and the table's bytes."""
    spent = dict.fromkeys(("predict", "reasons", "writing"), 0.0)
    table = 0
    for name in NAMES:
        bundle = load_release(home, name, threads=1).bundle
        columns = [feature.name for feature in bundle.features]
        for part in sorted(day.glob(f"features-{name}-*.parquet")):
            rows = pq.read_table(part, columns=columns, use_threads=False)
            table += pq.read_table(part).nbytes if name == "shop" else 0
            begun = time.process_time()
            matrix = np.column_stack([_numbers(rows.column(column)) for column in columns]).astype(np.float32)
            bundle.model.margin(matrix)
            spent["predict"] += time.process_time() - begun
            begun = time.process_time()
            if bundle.model.contributions_in_bulk(matrix) is None:
                bundle.model.contributions(matrix)
            spent["reasons"] += time.process_time() - begun
    for path in [*day.glob("*.parquet"), day / INDEX]:
        rows = pq.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()
        begun = time.process_time()
        pq.write_table(rows, out.with_suffix(".parquet"))
        spent["writing"] += time.process_time() - begun
    out.write_text(json.dumps({**spent, "table": table}))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    found: np.ndarray = column.cast(pa.float64()).to_numpy()
    return found


def _tell(customers: int, day: Cost, beside: Beside) -> None:
    print(f"\n{customers:,} customers, {customers * EACH:,} events; the feature table: {beside.table / 2**20:,.0f} MiB")
    print("\n| | CPU s |\n|---|---|")
    print(f"| `penchant run` ({day.seconds:.0f} s by the clock) | {day.cpu_seconds:.1f} |")
    for part in ("features", "predict", "reasons", "writing", "store"):
        print(f"| beside it, {part} | {getattr(beside, part):.1f} |")
    ours, theirs = day.cpu_seconds - beside.store, beside.seconds
    print(f"\nratio, without the online store on either side: {ours / theirs:.2f}; with it: ", end="")
    print(f"{day.cpu_seconds / (theirs + beside.store):.2f}; without it, and ", end="")
    print(f"features that use cases share built once beside it too: {ours / (theirs - beside.shared):.2f}")
    print(f"peak: {day.peak_bytes / 2**20:,.0f} MiB, beyond the feature table ", end="")
    print(f"{(day.peak_bytes - beside.table) / 2**20:,.0f} MiB", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.daily_run", description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where models and logs are kept for the next run")
    return parser


if __name__ == "__main__":
    if sys.argv[1:2] == ["--beside"]:
        beside(*map(Path, sys.argv[2:]))
    elif sys.argv[1:2] == ["--scored"]:
        sys.exit(scored(sys.argv[2:]))
    else:
        sys.exit(main())
