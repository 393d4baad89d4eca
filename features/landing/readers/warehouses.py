"""Warehouses behind one small port: a query in, Arrow batches out.

Snowflake and BigQuery answer by their own clients, Redshift writes Parquet to S3 (UNLOAD), which is read from there.
The queries and what is made of recorded batches are tested; none of the three was ever asked: they are untried.
"""

# ruff: noqa: S608  names in the SQL are the use case's own; a query is its owner's own
from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qs

import pyarrow as pa
import pyarrow.parquet as pq

from features.config.origins.addresses import Address, address
from features.config.origins.origin_sections import Origin
from features.errors import DataError, UseCaseError
from features.landing.lag import lagged
from features.landing.ports import RowsRead, SourceUnavailableError
from features.landing.readers.s3_files import S3Files
from features.sources.duckdb_sql import literal

ArrowClient = Callable[[str], Iterator[pa.RecordBatch]]  # what a query answers, all as of one moment


class WarehouseRows:
    """The rows of a table or query of a warehouse."""

    def __init__(self, section: Origin, origin: Address, client: ArrowClient | None = None) -> None:
        self._section, self._origin = section, origin
        self._client = client or _CLIENTS[origin.scheme](section, origin)

    @contextmanager
    def read(self, watermark: str | None) -> Iterator[RowsRead]:
        """All rows, or those that may have come since a watermark; raises as every `RowSource`."""
        since = None
        if self._section.ingest.cursor is not None and watermark is not None:
            since = lagged(watermark, self._section.ingest)
        try:
            batches = self._client(self.sql(since))
            first = next(batches, None)
        except (UseCaseError, DataError, SourceUnavailableError):
            raise
        except Exception as failure:  # of a client that we do not import; its message may hold names and values
            rule = f"must answer the query, got {type(failure).__name__}"
            raise SourceUnavailableError(self._origin.redacted, rule) from None
        if first is None:
            raise DataError(self._origin.redacted, ["must answer with a batch of its columns, got none"])
        yield RowsRead(first.schema.remove_metadata(), _same(chain([first], batches)), since)

    def sql(self, since: str | None) -> str:
        """The query in the warehouse's own words."""
        section = self._section
        rows = f"({section.query.rstrip().rstrip(';')}) AS penchant" if section.query else self._table()
        if since is None:
            return f"SELECT * FROM {rows}"
        return f"SELECT * FROM {rows} WHERE {section.ingest.cursor} >= {literal(since)}"

    def _table(self) -> str:
        table = self._section.table or ""
        if self._origin.scheme != "bigquery":
            return table
        inside = [part for part in (self._origin.parts.netloc, *self._origin.parts.path.split("/")) if part]
        return f"`{'.'.join([*inside, table])}`"


def _same(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.replace_schema_metadata(None)


def _snowflake(_: Origin, origin: Address) -> ArrowClient:
    def answer(sql: str) -> Iterator[pa.RecordBatch]:
        try:
            from snowflake import connector
        except ImportError:
            raise _missing(origin, "snowflake-connector-python[pandas]") from None
        database, *schema = [part for part in origin.parts.path.split("/") if part]
        options = {name: values[-1] for name, values in parse_qs(origin.parts.query).items()}
        with (
            connector.connect(
                account=origin.parts.netloc,
                user=os.environ.get("SNOWFLAKE_USER"),
                password=os.environ.get("SNOWFLAKE_PASSWORD"),
                database=database,
                schema=schema[0] if schema else None,
                warehouse=options.get("warehouse"),
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            for table in cursor.fetch_arrow_batches():
                yield from table.to_batches()

    return answer


def _bigquery(_: Origin, origin: Address) -> ArrowClient:
    def answer(sql: str) -> Iterator[pa.RecordBatch]:
        try:
            from google.cloud import bigquery
        except ImportError:
            raise _missing(origin, "google-cloud-bigquery[bqstorage]") from None
        yield from bigquery.Client(project=origin.parts.netloc).query(sql).result().to_arrow_iterable()

    return answer


def unload_sql(sql: str, target: str) -> str:
    """The statement by which Redshift writes what a query answers as Parquet, by the role that is its default.

    >>> print(unload_sql("SELECT * FROM sales", "s3://lake/out/"))
    UNLOAD ('SELECT * FROM sales') TO 's3://lake/out/' IAM_ROLE default FORMAT PARQUET
    """
    return f"UNLOAD ({literal(sql)}) TO {literal(target)} IAM_ROLE default FORMAT PARQUET"


def _redshift(section: Origin, origin: Address) -> ArrowClient:
    def answer(sql: str) -> Iterator[pa.RecordBatch]:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise _missing(origin, "penchant[postgres]") from None
        target = f"{(section.ingest.unload or '').rstrip('/')}/penchant-{secrets.token_hex(8)}/"
        speaks = "postgres" + origin.text.removeprefix("redshift")
        with dbapi.connect(speaks, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(unload_sql(sql, target))
        files = S3Files(address(target))
        listed = files.listing().files
        schema = files.schema(listed)
        with tempfile.TemporaryDirectory(prefix="penchant-") as folder:
            for file in listed:
                part = Path(folder) / "part.parquet"
                files.land(file, part, schema)
                yield from pq.ParquetFile(part).iter_batches()

    return answer


def _missing(origin: Address, package: str) -> UseCaseError:
    return UseCaseError(origin.redacted, [f"needs a client that is not installed: pip install '{package}'"])


_CLIENTS: dict[str, Callable[[Origin, Address], ArrowClient]] = {
    "snowflake": _snowflake,
    "bigquery": _bigquery,
    "redshift": _redshift,
}
