"""Files of rows: Parquet, CSV, or a folder of either, read a batch at a time; written whole or not at all."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.spec.feature import CUSTOMER_ID
from scoring.storage.atomic import new_draft, put_in_place, remove_orphans
from scoring.storage.spreadsheet import neutral_table

ROWS = 65_536  # a batch: large enough to be fast, small enough to keep memory flat
CSV = (".csv", ".csv.gz")
_KINDS = (*CSV, ".parquet")


class BatchError(ValueError):
    """The file to score is not one the use case can read."""


def source_files(source: Path) -> list[Path]:
    """The file itself, or the tables in a folder in order of name.

    Raises:
        BatchError: The folder holds none.
    """
    if not source.is_dir():
        return [source]
    found = [path for path in sorted(source.iterdir()) if path.name.endswith(_KINDS) and not path.name.startswith(".")]
    if not found:
        raise BatchError(f"A folder to read must hold Parquet or CSV files, {source.name} holds none.")
    return found


def read_batches(source: Path, *, as_text: bool = False) -> Iterator[pa.Table]:
    """A Parquet or CSV file, or a folder of them, a batch at a time.

    Args:
        source: The file or folder.
        as_text: Whether a CSV's cells are left as text, null where blank. Otherwise its first rows decide what the
            columns are, which need not fit the last; ids are text in any case, since 007 is not 7.

    Raises:
        BatchError: It cannot be read.
    """
    for path in source_files(source):
        try:
            yield from _csv(path, as_text=as_text) if path.name.endswith(CSV) else _parquet(path)
        except (OSError, EOFError, UnicodeDecodeError, csv.Error, pa.ArrowInvalid) as error:
            raise BatchError(
                f"{path.name} must be a readable Parquet or CSV file, got {type(error).__name__}."
            ) from error


def _parquet(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for groups in _some_groups(file.metadata):
            yield from (pa.Table.from_batches([batch]) for batch in file.iter_batches(ROWS, row_groups=groups))


def _some_groups(metadata: pq.FileMetaData) -> Iterator[list[int]]:
    """Row groups that together make a batch: pyarrow keeps part of what it read until all it was asked for is read."""
    groups: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        groups.append(group)
        rows += metadata.row_group(group).num_rows
        if rows >= ROWS:
            yield groups
            groups, rows = [], 0
    if groups:
        yield groups


def _csv(path: Path, *, as_text: bool) -> Iterator[pa.Table]:
    names, parse = _first_line(path)
    convert = pacsv.ConvertOptions(column_types={CUSTOMER_ID: pa.string()})
    if as_text:
        texts = dict.fromkeys([*names, CUSTOMER_ID], pa.string())
        convert = pacsv.ConvertOptions(column_types=texts, null_values=[""], strings_can_be_null=True)
    read = pacsv.ReadOptions(column_names=names, skip_rows=1)
    with pacsv.open_csv(path, read_options=read, parse_options=parse, convert_options=convert) as file:
        yield from (pa.Table.from_batches([batch]) for batch in file)


def _first_line(path: Path) -> tuple[list[str], pacsv.ParseOptions]:
    """The columns as training calls them, without blanks around, and the sign that parts the first line into most."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        line = file.readline()
    parted = [(next(csv.reader([line], delimiter=sign), []), sign) for sign in ",;\t|"]
    names, sign = max(parted, key=lambda option: len(option[0]))
    called = [name.strip() or f"column_{place}" for place, name in enumerate(names, 1)]
    return called, pacsv.ParseOptions(delimiter=sign)


def count_rows(source: Path) -> int | None:
    """How many rows there are to read; None where that is known only at the end."""
    files = source_files(source)
    if any(path.name.endswith(CSV) for path in files):
        return None
    try:
        return sum(pq.read_metadata(path).num_rows for path in files)
    except (OSError, pa.ArrowInvalid):
        return None


@contextmanager
def whole_file(target: Path) -> Iterator[Callable[[pa.Table], None]]:
    """A writer whose file is renamed to its place once all is written.

    A target without an ending is a folder: each table becomes a Parquet file in it.
    """
    remove_orphans(target.parent)
    with new_draft(target, folder=not target.suffix) as (draft, _):
        writer = _File(draft, target) if target.suffix else _Folder(draft)
        yield writer.write
        if not writer.written:
            raise BatchError("A file to score must hold at least one row, got none.")
        writer.close()
        put_in_place(draft, target)


def parquet_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer that keeps a dictionary of texts that repeat, and loses no time on numbers and ids, which do not."""
    texts = [column.name for column in schema if pa.types.is_string(column.type) and column.name != CUSTOMER_ID]
    return pq.ParquetWriter(path, schema, use_dictionary=texts)


class _File:
    def __init__(self, draft: Path, target: Path) -> None:
        self._draft = draft
        self._csv = target.suffix == ".csv"
        self._writer: Any = None

    @property
    def written(self) -> bool:
        return self._writer is not None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = (pacsv.CSVWriter if self._csv else parquet_writer)(self._draft, table.schema)
        self._writer.write_table(neutral_table(table) if self._csv else table)

    def close(self) -> None:
        self._writer.close()


class _Folder:
    def __init__(self, draft: Path) -> None:
        self._draft = draft
        self.written = 0

    def write(self, table: pa.Table) -> None:
        with parquet_writer(self._draft / f"part-{self.written:05}.parquet", table.schema) as writer:
            writer.write_table(table)
        self.written += 1

    def close(self) -> None:
        """Each file is whole already."""
