"""The DuckDB that Ibis works on: one in-memory database per job, held to the machine's means."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl

_serial = count()


@contextmanager
def engine() -> Iterator[Any]:
    """An Ibis backend on an in-memory DuckDB: UTC, bounded memory, spilling to a folder of its own.

    `PENCHANT_MEMORY` (such as "2GB") sets the bound; else it is half of the machine's memory.
    """
    backend = ibis.duckdb.connect(
        ":memory:",
        threads=os.cpu_count() or 1,
        memory_limit=os.environ.get("PENCHANT_MEMORY") or f"{_half_of_memory()}MB",
        temp_directory=str(Path(tempfile.gettempdir()) / f"penchant-{os.getpid()}-{next(_serial)}"),
        preserve_insertion_order=False,
        autoinstall_known_extensions=False,
    )
    try:
        backend.raw_sql("SET TimeZone = 'UTC'")
        yield backend
    finally:
        backend.disconnect()


def frame(table: ir.Table) -> pl.DataFrame:
    """The rows of an Ibis table as a polars frame; timestamps without a zone are left so."""
    answer = pl.from_arrow(table.to_pyarrow())
    if not isinstance(answer, pl.DataFrame):
        raise TypeError(f"An Ibis table must give a frame, got {type(answer).__name__}.")
    return answer


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


def _half_of_memory() -> int:
    """Half of the machine's memory in MB, at least 512."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(512, total // 2_000_000)
