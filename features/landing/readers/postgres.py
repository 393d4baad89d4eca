"""PostgreSQL by ADBC, as of one moment, without a write: amounts exact, types that Arrow lacks as text.

A cursor of type xid8 holds the transaction that wrote a row. What is read next begins at the oldest transaction that
was still under way (`pg_snapshot_xmin`), so that no row is lost however late it is committed. Every other cursor is
read again from a lag on.
"""

# ruff: noqa: S608  every name in the SQL is quoted; a query is its owner's own
from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from features.config.origins.addresses import Address
from features.config.origins.origin_sections import Origin
from features.errors import DataError, UseCaseError
from features.landing.lag import lagged
from features.landing.ports import RowsRead, SourceUnavailableError
from features.sources.duckdb_sql import literal, quoted

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection

_KIND, _MODIFIER = b"POSTGRESQL:type", b"POSTGRESQL:typmod"
_plain = {  # types that arrive as they are
    *("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "date", "timestamp"),
    "timestamptz",
}
_TRANSACTION = "xid8"
_MOST_DIGITS = 38
_unreachable = "08", "28", "53", "57", "IO"  # classes of SQLSTATE: connection, authorization, resources, shutdown


class PostgresRows:
    """The rows of a table or query."""

    def __init__(self, section: Origin, origin: Address) -> None:
        self._section, self._origin = section, origin

    @contextmanager
    def read(self, watermark: str | None) -> Iterator[RowsRead]:
        """All rows, or those that may have come since a watermark; raises as every `RowSource`."""
        with closing(self._connection()) as connection, self._errors(), closing(connection.cursor()) as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL TimeZone = 'UTC'")
            cursor.execute(f"SELECT * FROM {self._rows()} AS penchant LIMIT 0")
            fields = list(cursor.fetch_arrow_table().schema)
            since, now = None, None
            if (column := self._section.ingest.cursor) and (kind := _kinds(fields).get(column)):
                if kind == _TRANSACTION:
                    cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
                    [now], since = cursor.fetchone() or (None,), watermark
                elif watermark is not None:
                    since = lagged(watermark, self._section.ingest)
            cursor.execute(self._select(fields, since))
            reader = cursor.fetch_record_batch()
            schema = pa.schema([(field.name, _type(field)) for field in fields])
            yield RowsRead(schema, self._batches(reader, schema), since, now)

    def _rows(self) -> str:
        if self._section.query is not None:
            return f"({self._section.query.rstrip().rstrip(';')})"
        return ".".join(map(quoted, (self._section.table or "").split(".")))

    def _select(self, fields: list[pa.Field], since: str | None) -> str:
        columns = ", ".join(
            quoted(field.name) if _kind(field) in _plain else f"{quoted(field.name)}::text AS {quoted(field.name)}"
            for field in fields
        )
        column = self._section.ingest.cursor
        if since is None or column is None:
            return f"SELECT {columns} FROM {self._rows()} AS penchant"
        kind = _kinds(fields)[column]
        compared = quoted(column) + (' COLLATE "C"' if kind in ("text", "varchar", "bpchar") else "")
        return f"SELECT {columns} FROM {self._rows()} AS penchant WHERE {compared} >= {literal(since)}::{quoted(kind)}"

    def _batches(self, reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._errors():
            for batch in reader:
                yield pa.record_batch(
                    [_as(column, field.type) for column, field in zip(batch.columns, schema, strict=True)],
                    schema=schema,
                )

    def _connection(self) -> Connection:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise UseCaseError(
                self._origin.redacted, ["needs the extra postgres: pip install 'penchant[postgres]'"]
            ) from None
        with self._errors():
            found: Connection = dbapi.connect(self._origin.text)
        return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Without the server's own message, which may hold names, addresses and values."""
        from adbc_driver_manager import Error

        try:
            yield
        except Error as failure:
            state = getattr(failure, "sqlstate", None) or ""
            shown = f"SQLSTATE {state}" if state.strip("\0") else type(failure).__name__
            if not state.strip("\0") or state[:2] in _unreachable:
                raise SourceUnavailableError(self._origin.redacted, f"must answer, got {shown}") from None
            raise DataError(self._origin.redacted, [f"table or query must be one that can be read, got {shown}"]) from (
                None
            )


def _kind(field: pa.Field) -> str:
    return str((field.metadata or {}).get(_KIND, b"").decode())


def _kinds(fields: list[pa.Field]) -> dict[str, str]:
    return {field.name: _kind(field) for field in fields}


def _type(field: pa.Field) -> pa.DataType:
    """The type of a column as it lands: NUMERIC with a stated scale as a decimal, without one as its digits in text."""
    kind = _kind(field)
    modifier = int((field.metadata or {}).get(_MODIFIER, b"-1"))
    found: pa.DataType = field.type if kind in _plain else pa.string()
    if kind == _TRANSACTION:
        found = pa.int64()
    elif kind == "numeric" and modifier >= 4:
        precision, scale = (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
        if 0 <= scale <= precision <= _MOST_DIGITS:
            found = pa.decimal128(precision, scale)
    return found


def _as(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cells as they land; NaN of a NUMERIC, which no decimal holds, is missing."""
    if column.type == kind:
        return column
    if pa.types.is_decimal(kind):
        nothing = pa.nulls(len(column), pa.string())
        column = pc.if_else(pc.match_substring_regex(column, "^-?[0-9]"), column, nothing)
    return column.cast(kind)
