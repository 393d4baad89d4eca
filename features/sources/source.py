"""Sources: Parquet, CSV (gzip too), a folder of either, or a table of a DuckDB file, as one Ibis table.

Whatever the columns are called, inside they are `c0`, `c1`, ...: no name of a user can collide with ours,
and names that differ in case only stay apart.
"""

# ruff: noqa: S608  every name and text in the SQL is ours or quoted by `quoted` and `literal`
from __future__ import annotations

import csv
import errno
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import DataError
from features.sources.csv_files import load
from features.sources.duckdb_sql import attach, column_names, literal, make_view, quoted
from features.spec.csv_dialect import dialect, seems_data
from features.spec.csv_sql import RULE
from features.spec.data_files import UnreadableError, data_files, file_kind

FILE, ROW = "__file", "__row"  # where a row came from: the file's name, inside a folder its path; the row from 1
_unreadable = (duckdb.Error, pa.ArrowException, OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error)


@dataclass(frozen=True, slots=True)
class Source:
    """A readable source: `table` has `c0`..., in the order of `columns`, then `__file` and `__row`."""

    path: Path
    columns: tuple[str, ...]  # as the file names them
    table: ir.Table
    ragged: tuple[tuple[str, int, str], ...] = ()  # CSV rows that could not be read: file, row, rule

    def column(self, name: str) -> ir.Column:
        """The column that the file calls `name`.

        Raises:
            DataError: the file has no such column.
        """
        return self.table[self.inside(name)]

    def inside(self, name: str) -> str:
        """The name inside of the column that the file calls `name`."""
        if name not in self.columns:
            raise DataError(self.path, [missing_column(name, self.columns)])
        return f"c{self.columns.index(name)}"


def missing_column(name: str, columns: Sequence[str]) -> str:
    """The message that a column is missing, with those there are, unless these seem to be values of a headless file."""
    if seems_data(columns):
        return f"column {name!r} must be in the file, whose columns are not shown: they may be values, not names"
    shown = ", ".join(map(repr, columns[:20])) + (", ..." if len(columns) > 20 else "")
    return f"column {name!r} must be in the file, whose columns are {shown}"


def open_source(backend: Any, path: Path, *, table: str | None = None) -> Source:
    """Reads nothing but headers of Parquet; CSV is read whole, as text, into the engine.

    Raises:
        DataError: the file is not there, is empty, cannot be read, or names a column twice.
    """
    try:
        files = files_of(path)
        kind = file_kind(files[0])
        if kind == "duckdb":
            return _open_duckdb(backend, path, table)
        return _open_csv(backend, path, files) if kind == "csv" else _open_parquet(backend, path, files)
    except UnreadableError as failure:
        raise DataError(failure.file, [failure.rule]) from failure
    except _unreadable as failure:
        raise DataError(path, [f"cannot be read: {_first_line(failure)}"]) from failure


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Around whatever makes the engine read a source's rows: Parquet is opened by its headers alone.

    Raises:
        DataError: the rows cannot be read; the engine's own message is left out, they may quote a cell.
        OSError: the memory bound is too small.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as failure:
        raise OSError(errno.ENOMEM, "needs more memory than PENCHANT_MEMORY allows", str(path)) from failure
    except (duckdb.Error, pa.ArrowException) as failure:
        raise DataError(path, [f"cannot be read to its end: {type(failure).__name__}"]) from failure


def files_of(path: Path) -> list[Path]:
    """The file itself, or the data files of a folder in the order of their names; hidden ones ignored."""
    try:
        found = data_files(path)
    except UnreadableError as failure:
        raise DataError(failure.file, [failure.rule]) from failure
    kinds = {file_kind(file) for file in found}
    if path.is_dir() and (len(kinds) > 1 or kinds == {"duckdb"}):
        raise DataError(path, [f"a folder must hold Parquet files only or CSV files only, got {sorted(kinds)}"])
    return found


def is_csv(file: Path) -> bool:
    """Whether a file is read as CSV."""
    return file_kind(file) == "csv"


def digest(*paths: Path) -> str:
    """The sha256 of the sources' bytes: of each file's, in order, then of those together."""
    whole = hashlib.sha256()
    for file in (file for path in paths for file in files_of(path)):
        with file.open("rb") as stream:
            whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()


def _first_line(failure: Exception) -> str:
    """The first line of a library's message; later lines may quote the data."""
    return (str(failure).strip().splitlines() or [type(failure).__name__])[0]


def _check_names(path: Path, columns: Sequence[str]) -> None:
    twice = sorted({name for name in columns if list(columns).count(name) > 1})
    if twice and seems_data(columns):
        raise DataError(path, ["its first line must name the columns, each once; it seems to hold values"])
    if twice:
        raise DataError(path, [f"column {name!r} must be there once, not twice" for name in twice])


def _view(backend: Any, path: Path, columns: Sequence[str], selects: Sequence[str], name: str) -> Source:
    make_view(backend, name, " UNION ALL ".join(selects))
    return Source(path, tuple(columns), backend.table(name))


def _fresh_name(backend: Any) -> str:
    return f"source_{len(backend.list_tables())}"


def _open_parquet(backend: Any, path: Path, files: Sequence[Path]) -> Source:
    by_schema: dict[tuple[tuple[str, str], ...], list[Path]] = {}  # files of other types are cast to what holds both
    for file in files:
        by_schema.setdefault(tuple((field.name, str(field.type)) for field in _schema(file)), []).append(file)
    columns = tuple(name for name, _ in next(iter(by_schema)))
    inside_folder = f"substr({FILE}, {len(str(path)) + 2})" if path.is_dir() else f"parse_filename({FILE})"
    _check_names(path, columns)
    selects = []
    for fields, alike in by_schema.items():
        names = [name for name, _ in fields]
        _same_columns(alike[0], columns, names)
        listed = ", ".join(literal(str(file)) for file in alike)
        aliases = ", ".join(f"c{columns.index(name)}" for name in names)
        inner = f"SELECT *, filename, file_row_number FROM read_parquet([{listed}], hive_partitioning=false)"
        chosen = ", ".join(f"c{index}" for index in range(len(columns)))
        selects.append(
            f"SELECT {chosen}, {inside_folder} AS {FILE}, {ROW} + 1 AS {ROW} "
            f"FROM ({inner}) AS t({aliases}, {FILE}, {ROW})"
        )
    return _view(backend, path, columns, selects, _fresh_name(backend))


def _schema(file: Path) -> pa.Schema:
    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError) as failure:
        raise DataError(file, [f"cannot be read: {_first_line(failure)}"]) from failure


def _same_columns(file: Path, expected: Sequence[str], names: Sequence[str]) -> None:
    lacking, surplus = sorted(set(expected) - set(names)), sorted(set(names) - set(expected))
    if lacking or surplus:
        differences = [f"column {name!r} is in the folder's first file and not here" for name in lacking]
        differences += [f"column {name!r} is here and not in the folder's first file" for name in surplus]
        raise DataError(file, differences)


def _open_duckdb(backend: Any, path: Path, table: str | None) -> Source:
    alias = _fresh_name(backend)
    found = attach(backend, path, alias)
    chosen = [row for row in found if table in (None, row[1], ".".join(row[:2]))]
    if len(chosen) != 1:
        shown = ", ".join(repr(name) for _, name, _ in found)
        raise DataError(path, [f"`table` must name one table of the file, which holds {shown or 'none'}"])
    qualified, number = ".".join(map(quoted, (alias, *chosen[0][:2]))), "rowid + 1"
    if chosen[0][2] != "BASE TABLE":
        number = "row_number() OVER ()"
    columns = column_names(backend, qualified)
    inside = ", ".join(f"c{index}" for index in range(len(columns)))
    select = f"SELECT {inside}, {literal(path.name)} AS {FILE}, {number} AS {ROW} FROM {qualified} AS t({inside})"
    return _view(backend, path, columns, [select], f"{alias}_view")


def _open_csv(backend: Any, path: Path, files: Sequence[Path]) -> Source:
    columns: tuple[str, ...] = ()
    selects: list[str] = []
    ragged: list[tuple[str, int, str]] = []
    base = _fresh_name(backend)
    for number, file in enumerate(files):
        written, loaded = dialect(file), f"{base}_file_{number}"
        _check_names(file, written.columns)
        columns = columns or written.columns
        _same_columns(file, columns, written.columns)
        name = str(file.relative_to(path)) if file != path else file.name
        made = load(backend, file, written, loaded)
        ragged += ((name, row, rule) for row, rule in made.rejected_rows)
        order = ", ".join(f"c{written.columns.index(column)} AS c{index}" for index, column in enumerate(columns))
        selects.append(
            f"SELECT {order}, {literal(name)} AS {FILE}, {made.number} AS {ROW} FROM {loaded} WHERE {RULE} IS NULL"
        )
    view = _view(backend, path, columns, selects, f"{base}_view")
    return Source(path, view.columns, view.table, tuple(ragged))
