"""What is said to DuckDB as SQL: the one module that hands a statement of ours to the engine.

All else is expressions of Ibis, which any engine can run.
"""

# ruff: noqa: S608  names are ours or quoted by `quoted`; selects are made by their callers, of what they quoted
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa


def quoted(name: str) -> str:
    """A SQL identifier.

    >>> print(quoted('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A SQL string.

    >>> literal("l'été")
    "'l''été'"
    """
    return "'" + text.replace("'", "''") + "'"


def parquet_rows(files: str) -> str:
    """Parquet files, by a pattern of their paths, as what a select is made from; folders name no columns."""
    return f"read_parquet({literal(files)}, hive_partitioning = false)"


def use_utc(backend: Any) -> None:
    """Reads and writes moments with a zone as UTC."""
    backend.raw_sql("SET TimeZone = 'UTC'")


def keep_order(backend: Any) -> None:
    """Gives rows in the order of their source from here on, which takes memory."""
    backend.raw_sql("SET preserve_insertion_order = true")


@contextmanager
def in_order(backend: Any) -> Iterator[None]:
    """Gives rows in the order of their source for as long as the block lasts."""
    keep_order(backend)
    try:
        yield
    finally:
        backend.raw_sql("SET preserve_insertion_order = false")


def set_variables(backend: Any, values: Mapping[str, int]) -> None:
    """Sets variables that a query reads by `getvariable`."""
    for name, value in values.items():
        backend.raw_sql(f"SET VARIABLE {quoted(name)} = {value}")


def make_table(backend: Any, name: str, select: str) -> None:
    """Stores the rows of a select for as long as the job lasts, in place of a table of that name."""
    backend.raw_sql(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {select}")


def make_view(backend: Any, name: str, select: str) -> None:
    """Gives a select a name for as long as the job lasts."""
    backend.raw_sql(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {select}")


def add_numbers(backend: Any, table: str, column: str, steps: pa.Table) -> None:
    """Adds a column to a table: a row's position from 1, and what it has `more` by the step it lies in.

    `steps` have the positions from which and below which they hold, `start` and `until`.
    """
    name, number = quoted(table), quoted(column)
    backend.con.register("penchant_steps", steps)
    backend.raw_sql(f"ALTER TABLE {name} ADD COLUMN {number} BIGINT")
    backend.raw_sql(
        f"UPDATE {name} SET {number} = {name}.rowid + 1 + more FROM penchant_steps "
        f"WHERE {name}.rowid + 1 >= start AND {name}.rowid + 1 < until"
    )
    backend.con.unregister("penchant_steps")


def write_parquet(
    backend: Any, select: str, target: Path, group: str | None = None, *, dictionaries: bool = True
) -> None:
    """Writes the rows of a select as a file; with the column `group` as a folder for each of its values.

    Without `dictionaries` where rows have doubles: in a dictionary of DuckDB's writer -0.0 and 0.0 are one.
    """
    by = "" if group is None else f", PARTITION_BY ({quoted(group)})"
    plain = "" if dictionaries else ", DICTIONARY_SIZE_LIMIT 0"
    options = f"FORMAT parquet, COMPRESSION lz4_raw{plain}{by}"
    backend.raw_sql(f"COPY ({select}) TO {literal(str(target))} ({options})")


def scratch_folder(backend: Any) -> Path:
    """The folder that the engine spills to, which goes when the job ends."""
    [folder] = first_row(backend, "SELECT current_setting('temp_directory')")
    made = Path(str(folder))
    made.mkdir(exist_ok=True)
    return made


def attach(backend: Any, file: Path, alias: str) -> list[tuple[str, str, str]]:
    """Opens a database file to read, and gives its tables: schema, name, kind."""
    backend.raw_sql(f"ATTACH {literal(str(file))} AS {quoted(alias)} (READ_ONLY)")
    tables = (
        "SELECT table_schema, table_name, table_type FROM information_schema.tables "
        f"WHERE table_catalog = {literal(alias)} ORDER BY ALL"
    )
    return [(str(schema), str(name), str(kind)) for schema, name, kind in all_rows(backend, tables)]


def column_names(backend: Any, table: str) -> list[str]:
    """The columns of a table, whose name is quoted already."""
    return [str(row[0]) for row in all_rows(backend, f"DESCRIBE {table}")]


def all_rows(backend: Any, query: str) -> list[tuple[Any, ...]]:
    """Every row of a query."""
    found: list[tuple[Any, ...]] = backend.raw_sql(query).fetchall()
    return found


def first_row(backend: Any, query: str) -> tuple[Any, ...]:
    """The first row of a query that has one."""
    found: tuple[Any, ...] = backend.raw_sql(query).fetchone()
    return found


def batches(backend: Any, query: str, rows: int) -> pa.RecordBatchReader:
    """The rows of a query, about so many at a time."""
    return backend.raw_sql(query).to_arrow_reader(rows)
