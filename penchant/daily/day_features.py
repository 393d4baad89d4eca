"""The features of all use cases as of a moment side by side, a row a customer, in groups of some parts each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.config.engine.chosen_engine import engine_words
from features.config.use_case import LogUseCase, UseCase
from features.errors import DataError
from features.spec.feature import CUSTOMER_ID, ELIGIBLE
from features.tables.digests import features_digest
from penchant.daily.run_file import DailyUseCase
from penchant.daily.table_rows import rows_to_score
from scoring.batch.table_answers import covered_column
from scoring.population.days import PARTS
from scoring.population.partitioned import Partitioned, part_name
from scoring.population.write_day import CustomerGroup
from scoring.storage.table_files import read_batches

PREFIX = "own"
TOGETHER = 8_192  # customers of a group at least, where there are so many
Entries = Mapping[str, tuple[DailyUseCase, UseCase]]


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
    command += engine_words(use_case)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise StepFailedError(done.returncode)
    return Path(json.loads(done.stdout)["file"])


def alike(entries: Entries) -> dict[str, str]:
    """By use case the first that has the very same customers and features, which are then built once; often itself."""
    first: dict[str, str] = {}
    return {
        name: first.setdefault(features_digest(use_case) if use_case.source == "log" else name, name)
        for name, (_, use_case) in entries.items()
    }


class CustomerFiles:
    """All customers with their features in files by part of the population, which one step writes and another reads.

    Use cases that are `alike` have files together.
    """

    def __init__(self, entries: Entries, folder: Path) -> None:
        self._entries, self._owners = entries, alike(entries)
        self._folders = {name: folder / f"{name}-parts" for name in dict.fromkeys(self._owners.values())}

    def write(self, as_of: datetime, home: Path) -> None:
        """Builds or reads what each use case is about.

        Raises:
            StepFailedError: A feature table could not be built.
            DataError: There is nobody to score.
            BatchError: A ready table cannot be read.
        """
        for name, folder in self._folders.items():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _write_own(folder, _own_rows(*self._entries[name], as_of, folder.parent, home))

    @property
    def paths(self) -> list[Path]:
        """The files, none where they were not written."""
        return [path for folder in self._folders.values() if folder.exists() for path in sorted(folder.iterdir())]

    def count(self) -> int:
        """How many customers they hold."""
        return sum(_distinct(_files(self._folders.values(), [number])) for number in range(PARTS))

    def groups(self) -> list[CustomerGroup]:
        """The customers of some parts at a time, that together are enough to be scored at once.

        Where use cases have rows of their own these stand side by side, in order of id, and a column `NAME.covered`
        says whom each is about. To read a group raises DataError where two hold different values in a column of one
        name.
        """
        return [CustomerGroup(numbers, partial(self._read, numbers)) for numbers in self._numbers()]

    def _numbers(self) -> Iterator[range]:
        first = rows = 0
        for number in range(PARTS):
            files = _files(self._folders.values(), [number])
            rows += max((pq.read_metadata(file).num_rows for file in files), default=0)
            if rows >= TOGETHER or (rows and number == PARTS - 1):
                yield range(first, number + 1)
                first, rows = number + 1, 0

    def _read(self, numbers: range) -> pa.Table:
        tables = {name: _rows(folder, numbers) for name, folder in self._folders.items()}
        if len(tables) == 1:
            return tables.popitem()[1]
        together = pl.DataFrame({CUSTOMER_ID: []}, {CUSTOMER_ID: pl.String()})
        for name, rows in tables.items():
            own = pl.DataFrame(rows).with_columns(pl.lit(True).alias(covered_column(name)))
            together = _with(together, own, self._entries[name][1])
        covered = {
            covered_column(name): pl.col(covered_column(owner)).fill_null(False) for name, owner in self._owners.items()
        }
        found: pa.Table = together.with_columns(**covered).sort(CUSTOMER_ID).to_arrow()
        return found


def _own_rows(entry: DailyUseCase, use_case: UseCase, as_of: datetime, folder: Path, home: Path) -> Iterator[pa.Table]:
    if use_case.source == "table":
        yield rows_to_score(use_case, entry.rows, home)
        return
    for table in read_batches(log_features(use_case, as_of, folder, home)):
        yield table.drop_columns([ELIGIBLE])


def _write_own(folder: Path, tables: Iterable[pa.Table]) -> None:
    """One use case's customers by part; where there are none an empty part, which has the columns."""
    own, empty = Partitioned(folder, PREFIX, for_long=False), None
    for table in tables:
        own.write(table)
        empty = table.slice(0, 0)
    own.close()
    if empty is not None and not any(folder.iterdir()):
        pq.write_table(empty, folder / part_name(PREFIX, 0))


def _files(folders: Iterable[Path], numbers: Iterable[int]) -> list[Path]:
    """Those of some parts that have customers."""
    names = [part_name(PREFIX, number) for number in numbers]
    return [file for folder in folders for name in names if (file := folder / name).exists()]


def _distinct(files: Iterable[Path]) -> int:
    """How many customers they hold together."""
    ids = [pq.read_table(file, columns=[CUSTOMER_ID]) for file in files]
    return int(pc.count_distinct(pa.concat_tables(ids).column(CUSTOMER_ID).cast(pa.string())).as_py()) if ids else 0


def _rows(folder: Path, numbers: range) -> pa.Table:
    """One use case's customers in some parts, one part after another."""
    files = _files([folder], numbers)
    if files:
        return pa.concat_tables([pq.read_table(file, use_threads=False) for file in files])
    schema: pa.Schema = pq.read_schema(min(folder.iterdir()))
    empty: pa.Table = schema.empty_table()
    return empty


def _with(together: pl.DataFrame, own: pl.DataFrame, use_case: UseCase) -> pl.DataFrame:
    """Two tables side by side; a column of both is one where they agree on those who stand in both."""
    shared = [name for name in own.columns if name in together.columns and name != CUSTOMER_ID]
    wide = together.join(own, on=CUSTOMER_ID, how="full", coalesce=True, suffix=".other")
    both = pl.all_horizontal(pl.col(CUSTOMER_ID).is_in(frame[CUSTOMER_ID].implode()) for frame in (together, own))
    same = [name for name in shared if together[name].dtype == own[name].dtype]
    agreeing = wide.filter(both).select(pl.col(name).eq_missing(pl.col(f"{name}.other")).all() for name in same)
    apart = [name for name in shared if name not in same or not agreeing[name].item()]
    if apart:
        rule = f"columns of one name must hold the same as in the use cases before, {', '.join(apart)} do not"
        raise DataError(use_case.file, [rule])
    return wide.with_columns(pl.coalesce(name, f"{name}.other") for name in shared).drop(
        f"{name}.other" for name in shared
    )
