"""`python -m benchmarks.monitored`: what it costs to look at a day of a million customers, and to take in its outcomes.

A day is made by a real run on a small log, and each of its customers stands there many times, under other ids and with
a tenth less of every second feature. Then the outcomes of all are reported, and `penchant monitor` looks twice: first
it measures the day whose outcome has come. Processor seconds and peak memory of each command.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.files import Cost, run
from benchmarks.tables.world import CUTOFF, Log, write
from features.spec.feature import CUSTOMER_ID
from scoring.population.days import Day, day_folder, digests, open_day
from scoring.population.write_day import seal_day
from scoring.releases.store import load_release

NAME = "shop"
TAUGHT, EACH = 200_000, 10  # events of the small log, and of a customer
DAY = CUTOFF.date().isoformat()
KNOWN = (CUTOFF + timedelta(days=45)).date().isoformat()
MOST = 30.0  # processor seconds of `penchant monitor`
# An open alert is no failure here.
LOOK = "import sys; from penchant.cli.monitor import main; sys.exit({7: 0}.get(code := main(), code))"


def main() -> int:
    """Prints a line for each command; 1 where a look costs more than is asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitored", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the model is kept for another time (default: nowhere)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        home = folder / "home"
        make(folder)
        day = open_day(day_folder(home, CUTOFF))
        multiply(day, -(-asked.customers // day.manifest.customers))
        day = open_day(day_folder(home, CUTOFF))
        features = len(load_release(home, NAME).bundle.features)
        print(f"{day.manifest.customers:,} customers, {features} features\n")
        print("| command | processor s | peak MiB |\n|---|---|---|")
        answers = reported(day, folder / "answers.parquet")
        words = ["--home", str(home), "--use-case", NAME, "--as-of", DAY, "--until", KNOWN]
        _tell("penchant outcomes FILE", run(["-m", "penchant", "outcomes", str(answers), *words]))
        looks = [run(["-c", LOOK, "--home", str(home)]) for _ in range(2)]
        _tell("penchant monitor, a day's outcome is new", looks[0])
        _tell("penchant monitor", looks[1])
    return int(max(look.cpu_seconds for look in looks) > MOST)


def make(folder: Path) -> None:
    """A home with a model of trees and a day of the small log, whatever was there before."""
    home, file = folder / "home", Log(folder).use_case
    if not (home / "releases").exists():
        write(Log(folder), TAUGHT, each=EACH)
        file.write_text(f'candidate = "xgboost"\n{file.read_text()}')
        run(["-W", "ignore", "-m", "training", "--promote", "always", "--home", str(home), str(file)])
    for name in ("population", "outcomes", "monitoring"):
        shutil.rmtree(home / name, ignore_errors=True)
    run(["-W", "ignore", "-m", "penchant", "run", "--home", str(home), "--as-of", DAY])


def multiply(day: Day, times: int) -> None:
    """Every customer of a day that many times, each under an id of its own in the same part; some features drift."""
    for file in sorted({path.resolve() for path in day.folder.glob("*.parquet")}):
        table = pq.read_table(file)
        if CUSTOMER_ID in table.column_names:
            table = _drifted(table) if file.name.startswith("features-") else table
            pq.write_table(pa.concat_tables([_renamed(table, number) for number in range(times)]), file)
    customers = day.manifest.customers * times
    seal_day(day.folder, msgspec.structs.replace(day.manifest, customers=customers, files=digests(day.folder)))
    day.folder.parent.touch()  # else its manifest may be one that was read before


def _drifted(table: pa.Table) -> pa.Table:
    """Every second feature that is no whole number a tenth lower: what drifts is what a look has to score anew."""
    drifting = [one.name for one in table.schema if pa.types.is_floating(one.type)][::2]
    for name in drifting:
        place = table.column_names.index(name)
        table = table.set_column(place, name, pc.multiply(table.column(name), 0.9))
    return table


def _renamed(table: pa.Table, number: int) -> pa.Table:
    if not number:
        return table
    ids = pc.binary_join_element_wise(table.column(CUSTOMER_ID).cast(pa.string()), str(number), "-")
    return table.set_column(table.column_names.index(CUSTOMER_ID), CUSTOMER_ID, ids)


def reported(day: Day, file: Path) -> Path:
    """Outcomes of all who were scored, drawn from their own probabilities."""
    columns = [CUSTOMER_ID, f"{NAME}_probability"]
    table = pa.concat_tables([pq.read_table(path, columns=columns) for path in day.parts]).drop_null()
    drawn = np.random.default_rng(0).random(len(table)) < np.asarray(table.column(1))
    pq.write_table(pa.table({CUSTOMER_ID: table.column(0), "outcome": drawn.astype(np.int8)}), file)
    return file


def _tell(what: str, cost: Cost) -> None:
    print(f"| {what} | {cost.cpu_seconds:.1f} | {cost.peak_bytes / 2**20:,.0f} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
