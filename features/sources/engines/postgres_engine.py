"""PostgreSQL by ADBC: rows in temporary tables of one session, which go with it however the job ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.sources.duckdb_sql import quoted
from features.sources.engine import stored_batches
from features.sources.engines.engine_port import EngineError

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

_ROWS = 65_536  # sent at a time


class PostgresEngine:
    """One session, in one transaction that is never committed."""

    def __init__(self, backend: Any, cursor: Cursor) -> None:
        self._backend, self._cursor = backend, cursor

    def give(self, name: str, rows: ir.Table) -> ir.Table:
        """As `FeatureEngine`."""
        reader = self._backend.to_pyarrow_batches(rows, chunk_size=_ROWS)
        with _errors("must take the rows of a job in temporary tables"):
            self._cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{quoted(name)}")
            self._cursor.adbc_ingest(name, reader, mode="create", temporary=True)
            self._cursor.execute(f"ANALYZE pg_temp.{quoted(name)}")  # nobody does so for temporary tables
        return ibis.table(rows.schema(), name=name)

    def compute(self, name: str, query: ir.Table) -> ir.Table:
        """As `FeatureEngine`."""
        with _errors("must answer the query of the features"):
            self._cursor.execute(str(ibis.to_sql(query, dialect="postgres")))
            return stored_batches(self._backend, name, self._cursor.fetch_record_batch())


@contextmanager
def postgres_engine(backend: Any, variable: str) -> Iterator[PostgresEngine]:
    """A session with the database whose address an environment variable holds.

    Raises:
        EngineError: It cannot be reached, or what it needs is not installed.
    """
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        raise EngineError("postgres", "needs the extra postgres: pip install 'penchant[postgres]'") from None
    address = os.environ.get(variable, "")
    if not address.startswith(("postgres://", "postgresql://")):
        raise EngineError("postgres", f"{variable} must hold an address that begins with postgresql://")
    with _errors(f"the database at {variable} must answer"):
        connection = dbapi.connect(address)
    try:
        with _errors("must open a session"):
            cursor = connection.cursor()
            cursor.execute("SET LOCAL TimeZone = 'UTC'")
        yield PostgresEngine(backend, cursor)
        cursor.close()
    finally:
        connection.close()  # without a commit: nothing stays


@contextmanager
def _errors(must: str) -> Iterator[None]:
    """Without the server's own message, which may quote names, addresses and values."""
    from adbc_driver_manager import Error

    try:
        yield
    except (Error, duckdb.Error, pa.ArrowException) as failure:  # DuckDB reads the answer, and meets what broke it
        state = (getattr(failure, "sqlstate", None) or "").strip("\0")
        shown = f"SQLSTATE {state}" if state else type(failure).__name__
        raise EngineError("postgres", f"{must}, got {shown}") from None
