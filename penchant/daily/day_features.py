"""The features of all use cases as of a moment side by side, a row a customer, in files of some parts each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.config.use_case import LogUseCase, UseCase
from features.errors import DataError
from features.spec.feature import CUSTOMER_ID, ELIGIBLE
from penchant.daily.run_file import DailyUseCase
from penchant.daily.table_rows import rows_to_score
from scoring.batch.table_answers import covered_column
from scoring.population.days import PARTS
from scoring.population.partitioned import Partitioned, part_name
from scoring.population.write_day import CustomerGroup
from scoring.storage.table_files import read_batches

CUSTOMERS, PREFIX = "customers", "own"
TOGETHER = 8_192  # customers of a group at least, where there are so many


class StepFailedError(Exception):
    """A step ended with an exit code; what is wrong was written to stderr."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


def log_features(use_case: LogUseCase, as_of: datetime, folder: Path, home: Path) -> Path:
    """The feature table of a log, built by a process of its own; the same inputs build it once.

    Raises:
        StepFailedError: It could not be built.
    """
    command = [sys.executable, "-m", "features", "build", str(use_case.file.resolve())]
    command += ["--cutoff", as_of.isoformat(), "--out", str(folder / use_case.name), "--home", str(home), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise StepFailedError(done.returncode)
    return Path(json.loads(done.stdout)["file"])


def write_customers(
    entries: Mapping[str, tuple[DailyUseCase, UseCase]], as_of: datetime, folder: Path, home: Path
) -> tuple[list[CustomerGroup], int]:
    """All use cases' customers side by side in files of some thousand, and how many there are.

    A file holds the customers of some parts of the population, in order of id; a column `NAME.covered` says whom each
    use case is about. Use cases that share a column must agree on its values.

    Raises:
        StepFailedError: A feature table could not be built.
        DataError: There is nobody to score, or two use cases hold different values in a column of one name.
        BatchError: A ready table cannot be read.
    """
    for name, (entry, use_case) in entries.items():
        _write_own(_emptied(folder / f"{name}-parts"), _own_rows(entry, use_case, as_of, folder, home))
    groups = [
        CustomerGroup(folder / CUSTOMERS / f"{numbers[0]:02}-{numbers[-1]:02}.parquet", numbers)
        for numbers in _groups(folder, entries)
    ]
    _emptied(folder / CUSTOMERS)
    count = sum(_write_group(entries, group, folder) for group in groups)
    return groups, count


def _write_own(folder: Path, tables: Iterable[pa.Table]) -> None:
    """One use case's customers by part; where there are none an empty part, which has the columns."""
    own, empty = Partitioned(folder, PREFIX), None
    for table in tables:
        own.write(table)
        empty = table.slice(0, 0)
    own.close()
    if empty is not None and not any(folder.iterdir()):
        pq.write_table(empty, folder / part_name(PREFIX, 0))


def written_groups(folder: Path) -> list[CustomerGroup]:
    """The groups that `write_customers` left; none where it has not run."""
    found = []
    for file in sorted((folder / CUSTOMERS).glob("*.parquet")):
        first, last = map(int, file.stem.split("-"))
        found.append(CustomerGroup(file, range(first, last + 1)))
    return found


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _groups(folder: Path, names: Iterable[str]) -> Iterator[range]:
    """Numbers of parts that together have customers enough to be scored at once."""
    first = rows = 0
    for number in range(PARTS):
        files = [folder / f"{name}-parts" / part_name(PREFIX, number) for name in names]
        rows += max((pq.read_metadata(file).num_rows for file in files if file.exists()), default=0)
        if rows >= TOGETHER or (rows and number == PARTS - 1):
            yield range(first, number + 1)
            first, rows = number + 1, 0


def _write_group(entries: Mapping[str, tuple[DailyUseCase, UseCase]], group: CustomerGroup, folder: Path) -> int:
    """Writes the customers of some parts; returns how many they are."""
    together = pl.DataFrame({CUSTOMER_ID: []}, {CUSTOMER_ID: pl.String()})
    for name, (_, use_case) in entries.items():
        files = sorted((folder / f"{name}-parts").iterdir())
        asked = {part_name(PREFIX, number) for number in group.parts}
        own = [pl.read_parquet(file) for file in files if file.name in asked]
        rows = pl.concat(own or [pl.read_parquet(files[0], n_rows=0)])
        rows = rows.with_columns(pl.lit(True).alias(covered_column(name)))
        together = _with(together, rows, use_case)
    covered = [pl.col(covered_column(name)).fill_null(False) for name in entries]
    together.with_columns(covered).sort(CUSTOMER_ID).write_parquet(group.file, statistics=False)
    return len(together)


def _own_rows(entry: DailyUseCase, use_case: UseCase, as_of: datetime, folder: Path, home: Path) -> Iterator[pa.Table]:
    if use_case.source == "table":
        yield rows_to_score(use_case, entry.rows, home)
        return
    for table in read_batches(log_features(use_case, as_of, folder, home)):
        yield table.drop_columns([ELIGIBLE])


def _with(together: pl.DataFrame, own: pl.DataFrame, use_case: UseCase) -> pl.DataFrame:
    """Two tables side by side; a column of both is one where they agree on those who stand in both."""
    shared = [name for name in own.columns if name in together.columns and name != CUSTOMER_ID]
    wide = together.join(own, on=CUSTOMER_ID, how="full", coalesce=True, suffix=".other")
    both = pl.all_horizontal(pl.col(CUSTOMER_ID).is_in(frame[CUSTOMER_ID].implode()) for frame in (together, own))
    same = [name for name in shared if together[name].dtype == own[name].dtype]
    alike = wide.filter(both).select(pl.col(name).eq_missing(pl.col(f"{name}.other")).all() for name in same)
    apart = [name for name in shared if name not in same or not alike[name].item()]
    if apart:
        rule = f"columns of one name must hold the same as in the use cases before, {', '.join(apart)} do not"
        raise DataError(use_case.file, [rule])
    return wide.with_columns(pl.coalesce(name, f"{name}.other") for name in shared).drop(
        f"{name}.other" for name in shared
    )
