"""What an engine offers that computes feature tables: it is given typed rows, and answers a query of Ibis over them.

The log is read, typed and encoded by DuckDB, whatever the engine: what a text means is settled there, once for each
distinct cell. An engine gets numbers, moments, amounts and slugs, never an id or a text of a source.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Literal, Protocol

import ibis.expr.types as ir

EngineKind = Literal["duckdb", "spark", "postgres"]


class EngineError(OSError):
    """An engine cannot be reached, or fails in what it is asked; its own message is left out, it may quote a value."""

    def __init__(self, kind: EngineKind, rule: str) -> None:
        super().__init__(errno.EIO, rule, f"engine {kind}")

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class StatedEngine(Protocol):
    """Which engine is asked for, and where it is."""

    @property
    def kind(self) -> EngineKind:
        """DuckDB is the one that reads the log."""

    @property
    def master(self) -> str | None:
        """Of Spark, the address of the cluster; None: as Spark's own configuration says."""

    @property
    def url_env(self) -> str | None:
        """Of PostgreSQL, the environment variable that holds its address."""

    @property
    def folder(self) -> Path | None:
        """Of Spark, a folder that this machine and all workers share; None: the workers are on this machine."""


class FeatureEngine(Protocol):
    """An engine for as long as a job lasts; what it is given goes with the job."""

    def give(self, name: str, rows: ir.Table) -> ir.Table:
        """The rows of a table of DuckDB, in the engine under a name, in place of what had it.

        Raises:
            EngineError: The engine does not take them.
        """

    def compute(self, name: str, query: ir.Table) -> ir.Table:
        """The rows of a query over what was given, as a table of DuckDB under a name; in any order.

        Its columns are those of the query, of the types that the engine gives them.

        Raises:
            EngineError: The engine fails.
        """
