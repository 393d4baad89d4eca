"""Rows that answer a query, landed: all of them in one order, so that the same rows are the same bytes however read.

What is new is read from the last watermark on, and takes the place of what landed from there; so rows that were
committed late come, and none comes twice.
"""

# ruff: noqa: S608  every name and text in the SQL is ours or quoted by `quoted` and `literal`
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.config.origins.origin_sections import Ingest
from features.errors import DataError
from features.landing.copies import part_name
from features.landing.manifest import LandedPart, file_sha256
from features.landing.ports import RowsRead
from features.sources.duckdb_sql import (
    batches,
    first_row,
    keep_order,
    literal,
    make_table,
    make_view,
    parquet_rows,
    quoted,
)

PART_ROWS = 1_000_000
_FETCHED = 65_536
_FRESH, _FORMER = "penchant_fresh", "penchant_former"


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """A copy that was written."""

    parts: tuple[LandedPart, ...]
    watermark: str | None


def land_rows(backend: Any, read: RowsRead, ingest: Ingest, target: Path, *, former: Path | None) -> WrittenRows:
    """Writes the rows that came, with those that landed before and are not read anew.

    Args:
        backend: The engine.
        read: The rows.
        ingest: Their cursor and key.
        target: A new folder for the parts.
        former: The rows that landed before, of which those below what was read stay; None: what came is all there is.

    Raises:
        DataError: The cursor cannot be compared.
    """
    keep_order(backend)
    arrived = pa.RecordBatchReader.from_batches(read.schema, read.batches)
    backend.con.register(_FRESH, arrived)
    rows, cursor = _FRESH, ingest.cursor
    try:
        if former is not None and read.since is not None and cursor is not None:
            make_table(backend, "penchant_came", f"SELECT * FROM {_FRESH}")
            make_view(backend, _FORMER, f"SELECT * FROM {parquet_rows(str(former / '*.parquet'))}")
            rows = f"({_merged(cursor, read.since, ingest.key, read.schema)})"
        ordered = ", ".join(f"{quoted(name)} NULLS FIRST" for name in _order(ingest, read.schema))
        found = batches(backend, f"SELECT * FROM {rows} ORDER BY {ordered}", _FETCHED)
        parts = tuple(_write(found, read.schema, target))
        return WrittenRows(parts, read.watermark or _watermark(backend, target, cursor, parts))
    except duckdb.Error as failure:
        raise DataError(target.parent.parent.name, [f"rows cannot be landed: {type(failure).__name__}"]) from failure
    finally:
        backend.con.unregister(_FRESH)


def _merged(cursor: str, since: str, key: Sequence[str], schema: pa.Schema) -> str:
    """The rows that landed below the bound, without those that came again under their key, and those that came."""
    kind = _cast(schema.field(cursor).type)
    bound = f"CAST({literal(since)} AS {kind})" if kind else literal(since)
    column = quoted(cursor)
    kept = f"SELECT * FROM {_FORMER} AS f WHERE ({column} < {bound} OR {column} IS NULL)"
    came = f"SELECT * FROM penchant_came WHERE {column} >= {bound}"
    if key:
        same = " AND ".join(f"f.{quoted(name)} = c.{quoted(name)}" for name in key)
        kept += f" AND NOT EXISTS (SELECT 1 FROM penchant_came AS c WHERE {same})"
        came = "SELECT * FROM penchant_came"
    return f"{kept} UNION ALL BY NAME {came}"


def _cast(kind: pa.DataType) -> str | None:
    """The engine's name of a cursor's type; None: text."""
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    if pa.types.is_date(kind):
        return "DATE"
    return "HUGEINT" if pa.types.is_integer(kind) else "DOUBLE" if pa.types.is_floating(kind) else None


def _order(ingest: Ingest, schema: pa.Schema) -> list[str]:
    """All columns: by cursor, so that most of a copy stays as it was, then by key, then by the rest."""
    first = [*([ingest.cursor] if ingest.cursor else []), *ingest.key]
    return list(dict.fromkeys([*first, *schema.names]))


def _write(rows: pa.RecordBatchReader, schema: pa.Schema, target: Path) -> Iterator[LandedPart]:
    """Parts of so many rows each; the last has the rest, and where there are no rows it has the columns."""
    waiting, number, more = iter(rows), 0, True
    rest: pa.Table = schema.empty_table()
    while more or len(rest):
        path, written = target / part_name(number), 0
        with pq.ParquetWriter(path, schema) as writer:
            while written < PART_ROWS and (len(rest) or more):
                batch, rest = rest, schema.empty_table()
                if not len(batch):
                    found = next(waiting, None)
                    more = found is not None
                    if found is None:
                        break
                    batch = pa.Table.from_batches([found]).cast(schema)
                room = PART_ROWS - written
                rest = batch.slice(room)
                writer.write_table(batch.slice(0, room))
                written += min(room, len(batch))
        if written == 0 and number > 0:
            path.unlink()
            return
        yield LandedPart(path.name, written, file_sha256(path))
        number += 1


def _watermark(backend: Any, target: Path, cursor: str | None, parts: Sequence[LandedPart]) -> str | None:
    """The greatest cursor that landed, as text; None where there is none."""
    if cursor is None or not any(part.rows for part in parts):
        return None
    greatest = f"SELECT max({quoted(cursor)}) FROM {parquet_rows(str(target / '*.parquet'))}"
    found = batches(backend, greatest, 1).read_all().column(0)[0].as_py()
    return None if found is None else found.isoformat() if hasattr(found, "isoformat") else str(found)


def changes(backend: Any, former: Path, rows: Path) -> tuple[int, int]:
    """How many rows of a copy are not in the former one, and how many of the former are not in it."""
    one, other = (f"(SELECT * FROM {parquet_rows(str(path / '*.parquet'))})" for path in (rows, former))
    count = "SELECT count(*) FROM (FROM {} EXCEPT ALL FROM {})"
    added, removed = (first_row(backend, count.format(*pair))[0] for pair in ((one, other), (other, one)))
    return int(added), int(removed)
