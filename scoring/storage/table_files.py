"""Files of rows: Parquet, CSV, or a folder of either, read a batch at a time; written whole or not at all."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.spec.atomic import new_draft, put_in_place, remove_orphans
from features.spec.data_files import UnreadableError, data_files, file_kind
from features.spec.feature import CUSTOMER_ID
from scoring.storage.csv_rows import BROKEN, csv_tables
from scoring.storage.spreadsheet import neutral_table

ROWS = 65_536  # a batch: large enough to be fast, small enough to keep memory flat
_PARQUET, _TEXT = (".parquet", ".pq"), {".csv": ",", ".tsv": "\t"}  # endings of what is written; a folder has none


class BatchError(ValueError):
    """The file to score is not one the use case can read."""


def source_files(source: Path) -> list[Path]:
    """The file itself, or the tables in a folder in order of name.

    Raises:
        BatchError: It is not there or empty, or the folder holds none.
    """
    try:
        return data_files(source)
    except UnreadableError as error:
        raise BatchError(f"{error}.") from error


def read_batches(source: Path, *, mark_broken: bool = False, repeated: Collection[str] = ()) -> Iterator[pa.Table]:
    """A Parquet or CSV file, or a folder of them, a batch at a time; the cells of CSV are text, null where empty.

    Args:
        source: The file or folder.
        repeated: Columns of few texts: of Parquet they come as dictionaries, which half the time reads.
        mark_broken: Whether rows of CSV that cannot be read are handed on, as `BROKEN` says beside them; else one of
            them is an error.

    Raises:
        BatchError: It cannot be read.
    """
    for path in source_files(source):
        for table in _tables(path, repeated):
            if not mark_broken and BROKEN in table.column_names:
                first = next(text for text in table.column(BROKEN).to_pylist() if text)
                raise BatchError(f"{path.name}, {first}.")
            yield table


def _tables(path: Path, repeated: Collection[str]) -> Iterator[pa.Table]:
    with _readable(path):
        if file_kind(path) == "duckdb":
            raise UnreadableError(path, "must be a Parquet or CSV file, got a DuckDB file")
        yield from _parquet(path, repeated) if file_kind(path) == "parquet" else csv_tables(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Says of what a file cannot be read for that it is no table."""
    try:
        yield
    except UnreadableError as error:
        raise BatchError(f"{error}.") from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BatchError(f"{path.name} must be a readable Parquet or CSV file, got {type(error).__name__}.") from error


def _parquet(path: Path, repeated: Collection[str], only: range | None = None) -> Iterator[pa.Table]:
    metadata = pq.read_metadata(path)
    texts = _dictionaries(metadata, repeated)
    with pq.ParquetFile(path, metadata=metadata, read_dictionary=texts) as file:
        for groups in _some_groups(file.metadata, only):
            yield from (pa.Table.from_batches([batch]) for batch in file.iter_batches(ROWS, row_groups=groups))


def batch_groups(path: Path) -> list[tuple[range, int]] | None:
    """The row groups of a Parquet file that are read together, with their rows; None of a file of another kind.

    Raises:
        BatchError: It cannot be read.
    """
    with _readable(path):
        if file_kind(path) != "parquet":
            return None
        metadata = pq.read_metadata(path)
        return [
            (range(groups[0], groups[-1] + 1), sum(metadata.row_group(group).num_rows for group in groups))
            for groups in _some_groups(metadata)
        ]


def read_rows(path: Path, groups: range, rows: range, repeated: Collection[str] = ()) -> Iterator[pa.Table]:
    """Some rows of a Parquet file, a batch at a time: those of some row groups, counted from the first of them.

    Raises:
        BatchError: It cannot be read.
    """
    at = 0
    with _readable(path):
        for table in _parquet(path, repeated, groups):
            begin, end = max(rows.start - at, 0), min(rows.stop - at, len(table))
            at += len(table)
            if begin < end:
                yield table if end - begin == len(table) else table.slice(begin, end - begin)
            if at >= rows.stop:
                return


def _dictionaries(metadata: pq.FileMetaData, repeated: Collection[str]) -> list[str]:
    """Columns to read as dictionaries; none of small row groups: a batch ends with its group's dictionary."""
    if metadata.num_rows < metadata.num_row_groups * ROWS // 4:
        return []
    fields = metadata.schema.to_arrow_schema()
    return [field.name for field in fields if field.name in repeated and pa.types.is_string(field.type)]


def _some_groups(metadata: pq.FileMetaData, only: range | None = None) -> Iterator[list[int]]:
    """Row groups that together make a batch: pyarrow keeps part of what it read until all it was asked for is read."""
    groups: list[int] = []
    rows = 0
    for group in range(metadata.num_row_groups) if only is None else only:
        groups.append(group)
        rows += metadata.row_group(group).num_rows
        if rows >= ROWS:
            yield groups
            groups, rows = [], 0
    if groups:
        yield groups


def count_rows(source: Path) -> int | None:
    """How many rows there are to read; None where that is known only at the end."""
    files = source_files(source)
    if any(file_kind(path) != "parquet" for path in files):
        return None
    try:
        return sum(pq.read_metadata(path).num_rows for path in files)
    except (OSError, pa.ArrowInvalid):
        return None


def check_target(target: Path) -> None:
    """Refuses an output of a kind that is not written.

    Raises:
        BatchError: Its ending is none of ours.
    """
    ending = target.suffix.lower()
    if ending and ending not in (*_PARQUET, *_TEXT):
        excel = " (Excel opens .csv)" if ending.startswith(".xls") else ""
        raise BatchError(
            f"An output must end in .parquet, .csv or .tsv, or have no ending and be a folder, got {ending}{excel}."
        )


@contextmanager
def whole_file(target: Path) -> Iterator[Callable[[pa.Table], None]]:
    """A writer whose file is renamed to its place once all is written.

    A target without an ending is a folder: each table becomes a Parquet file in it.

    Raises:
        BatchError: No row was written, or the target is of a kind that is not written.
    """
    check_target(target)
    remove_orphans(target.parent)
    with new_draft(target, folder=not target.suffix) as (draft, _):
        writer = _File(draft, target) if target.suffix else _Folder(draft)
        yield writer.write
        if not writer.written:
            raise BatchError("A file to score must hold at least one row, got none.")
        writer.close()
        put_in_place(draft, target)


def parquet_writer(path: Path, schema: pa.Schema, *, for_long: bool = True) -> pq.ParquetWriter:
    """A writer that keeps a dictionary of texts that repeat, and loses no time on numbers and ids, which do not.

    A file that is not kept `for_long` is written and read the fastest.
    """
    texts = [column.name for column in schema if pa.types.is_string(column.type) and column.name != CUSTOMER_ID]
    if for_long:
        return pq.ParquetWriter(path, schema, use_dictionary=texts)
    return pq.ParquetWriter(path, schema, use_dictionary=False, write_statistics=False, compression="lz4")


class _File:
    def __init__(self, draft: Path, target: Path) -> None:
        self._draft = draft
        self._sign = _TEXT.get(target.suffix.lower())  # that parts cells, None where it is Parquet
        self._writer: Any = None

    @property
    def written(self) -> bool:
        return self._writer is not None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = self._open(table.schema)
        self._writer.write_table(table if self._sign is None else neutral_table(table))

    def _open(self, schema: pa.Schema) -> Any:
        if self._sign is None:
            return parquet_writer(self._draft, schema)
        return pacsv.CSVWriter(self._draft, schema, write_options=pacsv.WriteOptions(delimiter=self._sign))

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
