"""The DuckDB that Ibis works on: one per job, bounded by the machine's memory; what it stores of a log is in a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import polars as pl
import pyarrow as pa

from features.sources.duckdb_sql import (
    batches,
    make_view,
    parquet_rows,
    scratch_folder,
    set_variables,
    use_utc,
    write_parquet,
)
from features.sources.grammar import teach

_ROWS = 8_192  # fetched at a time


@contextmanager
def engine() -> Iterator[Any]:
    """An Ibis backend on an in-memory DuckDB: UTC, bounded memory, storing and spilling to a folder of its own.

    `PENCHANT_MEMORY` (such as "2GB") sets the bound; else it is half of the machine's memory. The folder is the user's
    alone, below the machine's temporary one, and goes when the job ends.
    """
    with tempfile.TemporaryDirectory(prefix="penchant-") as folder:
        backend = ibis.duckdb.connect(
            ":memory:",
            threads=os.cpu_count() or 1,
            memory_limit=os.environ.get("PENCHANT_MEMORY") or f"{_half_of_memory()}MB",
            temp_directory=str(Path(folder) / "spilled"),
            preserve_insertion_order=False,
            autoinstall_known_extensions=False,
            enable_external_file_cache=False,  # the system's own holds what was read of a source
        )
        try:
            use_utc(backend)
            teach(backend.con)
            yield backend
        finally:
            backend.disconnect()


def store(backend: Any, name: str, table: ir.Table, group: str | None = None) -> ir.Table:
    """The table's rows, stored by the engine under a name: in a file, of which memory has only what is being read.

    Rows of each value of the column `group`, which is not stored, have a file of their own: whoever reads a range of
    another column that follows the groups passes over the files of the others.
    """
    target = scratch_folder(backend) / (f"{name}.parquet" if group is None else name)
    written(backend, table, target, group)
    return stored_files(backend, name, target if group is None else target / "*" / "*.parquet")


def written(backend: Any, table: ir.Table, target: Path, group: str | None = None) -> None:
    """Writes the table's rows as a Parquet file, or, with a column `group`, a folder for each of its values."""
    exact = not any(kind.is_floating() for kind in table.schema().types)
    write_parquet(backend, _sql(table.unbind().op()), target, group, dictionaries=exact)


def stored_files(backend: Any, name: str, files: Path) -> ir.Table:
    """The rows of Parquet files, by a pattern of their paths, as a table of the engine under a name."""
    make_view(backend, name, f"SELECT * FROM {parquet_rows(str(files))}")  # noqa: S608  the path is quoted
    stored: ir.Table = backend.table(name)
    return stored


def stored_batches(backend: Any, name: str, rows: pa.RecordBatchReader) -> ir.Table:
    """Rows from elsewhere, stored by the engine under a name; read as they come."""
    file = scratch_folder(backend) / f"{name}.parquet"
    backend.con.register("penchant_batches", rows)
    write_parquet(backend, "SELECT * FROM penchant_batches", file, dictionaries=False)
    backend.con.unregister("penchant_batches")
    return stored_files(backend, name, file)


@ibis.udf.scalar.builtin(signature=(("string",), "int32"))
def getvariable(variable: str) -> ir.Value:
    """DuckDB's own: a variable of the engine, as `frames` sets them."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(signature=(("int64",), "timestamp(6)"))
def make_timestamp(microseconds: ir.Value) -> ir.Value:
    """DuckDB's own: the moment so many microseconds after 1970-01-01."""
    raise NotImplementedError


def frame(table: ir.Table) -> pl.DataFrame:
    """The rows of an Ibis table as a polars frame; timestamps without a zone are left so."""
    return _framed(table.to_pyarrow())


def frames(table: ir.Table, settings: Iterable[Mapping[str, int]]) -> Iterator[pl.DataFrame]:
    """The rows of a table for each setting of the engine's variables; the table is made SQL but once."""
    backend, schema = table.get_backend(), table.schema().to_pyarrow()
    sql = _sql(table.unbind().op())
    for setting in settings:
        set_variables(backend, setting)
        # In pieces: a whole one comes in buffers of up to twice its size, and the frame would hold on to them.
        yield _framed(batches(backend, sql, _ROWS).read_all().cast(schema))


@lru_cache(512)
def _sql(unbound: ops.Node) -> str:
    """The SQL of a table of no engine; jobs ask for many again, and to make the SQL takes longer than to run it."""
    return str(ibis.to_sql(unbound.to_expr(), dialect="duckdb"))


def _framed(rows: pa.Table) -> pl.DataFrame:
    answer = pl.from_arrow(rows)
    if not isinstance(answer, pl.DataFrame):
        raise TypeError(f"An Ibis table must give a frame, got {type(answer).__name__}.")
    return answer


def _half_of_memory() -> int:
    """Half of the machine's memory in MB, at least 512."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(512, total // 2_000_000)
