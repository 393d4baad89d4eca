"""The features of all use cases as of a moment in one table, a row a customer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from features.config.use_case import LogUseCase, UseCase
from features.errors import DataError
from features.spec.feature import CUSTOMER_ID, ELIGIBLE
from penchant.daily.run_file import DailyUseCase
from penchant.daily.table_rows import rows_to_score
from scoring.batch.table_answers import covered_column


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


def joined(
    entries: Mapping[str, tuple[DailyUseCase, UseCase]], as_of: datetime, folder: Path, home: Path
) -> tuple[Path, int]:
    """One Parquet file with all use cases' customers, in order of id, and how many there are.

    A column `NAME.covered` says whom each use case is about. Use cases that share a column must agree on its values.

    Raises:
        StepFailedError: A feature table could not be built.
        DataError: There is nobody to score, or two use cases hold different values in a column of one name.
        BatchError: A ready table cannot be read.
    """
    together = pl.DataFrame({CUSTOMER_ID: []}, {CUSTOMER_ID: pl.String()})
    for name, (entry, use_case) in entries.items():
        own = _own_rows(entry, use_case, as_of, folder, home).with_columns(pl.lit(True).alias(covered_column(name)))
        together = _with(together, own, use_case)
    covered = [pl.col(covered_column(name)).fill_null(False) for name in entries]
    file = folder / "customers.parquet"
    together.with_columns(covered).sort(CUSTOMER_ID).write_parquet(file, statistics=False, row_group_size=65_536)
    return file, len(together)


def _own_rows(entry: DailyUseCase, use_case: UseCase, as_of: datetime, folder: Path, home: Path) -> pl.DataFrame:
    if use_case.source == "table":
        return pl.DataFrame(rows_to_score(use_case, entry.rows, home))
    return pl.read_parquet(log_features(use_case, as_of, folder, home)).drop(ELIGIBLE)


def _with(together: pl.DataFrame, own: pl.DataFrame, use_case: UseCase) -> pl.DataFrame:
    """Two tables side by side; a column of both is one where they agree on those who stand in both."""
    shared = [name for name in own.columns if name in together.columns and name != CUSTOMER_ID]
    wide = together.join(own, on=CUSTOMER_ID, how="full", coalesce=True, suffix=".other")
    both = pl.all_horizontal(pl.col(CUSTOMER_ID).is_in(frame[CUSTOMER_ID].implode()) for frame in (together, own))
    apart = [
        name
        for name in shared
        if together[name].dtype != own[name].dtype
        or not wide.filter(both).select(pl.col(name).eq_missing(pl.col(f"{name}.other")).all()).item()
    ]
    if apart:
        rule = f"columns of one name must hold the same as in the use cases before, {', '.join(apart)} do not"
        raise DataError(use_case.file, [rule])
    return wide.with_columns(pl.coalesce(name, f"{name}.other") for name in shared).drop(
        f"{name}.other" for name in shared
    )
