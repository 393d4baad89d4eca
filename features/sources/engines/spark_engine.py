"""Spark: rows go over as Parquet in a folder that driver and workers share, and features come back as Parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from features.sources.engine import stored_files, written
from features.sources.engines.engine_port import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkEngine:
    """A session with a cluster, and the folder of a job."""

    def __init__(self, backend: Any, session: SparkSession, folder: Path) -> None:
        self._backend, self._session, self._folder = backend, session, folder
        self._ibis = ibis.pyspark.connect(session)

    def give(self, name: str, rows: ir.Table) -> ir.Table:
        """As `FeatureEngine`."""
        file = self._folder / f"{name}.parquet"
        written(self._backend, rows, file)
        with _errors("its workers must read the folder of the job"):
            self._session.read.parquet(file.as_uri()).createOrReplaceTempView(name)
        return ibis.table(rows.schema(), name=name)

    def compute(self, name: str, query: ir.Table) -> ir.Table:
        """As `FeatureEngine`."""
        target = self._folder / name
        with _errors("must answer the query of the features"):
            sql = str(self._ibis.compile(query))
            self._session.sql(sql).write.mode("overwrite").parquet(target.as_uri())
        return stored_files(self._backend, name, target / "*.parquet")


@contextmanager
def spark_engine(backend: Any, master: str | None, shared: Path | None) -> Iterator[SparkEngine]:
    """A session with the cluster at an address, or with that of Spark's own configuration.

    Raises:
        EngineError: It cannot be reached, or what it needs is not installed.
    """
    try:
        from pyspark.logger import PySparkLogger
        from pyspark.sql import SparkSession
    except ImportError:
        raise EngineError("spark", "needs the extra spark: pip install 'penchant[spark]'") from None
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True  # it would print the query of a failure
    builder = SparkSession.builder.appName("penchant")
    for key, value in _settings.items():
        builder = builder.config(key, value)
    if master is not None:
        builder = builder.master(master)
    with _errors("a cluster must answer, and Java 17 be installed"):
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
    try:
        with tempfile.TemporaryDirectory(prefix="penchant-", dir=shared) as folder:
            yield SparkEngine(backend, session, Path(folder).resolve())
    finally:
        session.stop()


_settings = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",  # a moment without a zone stays one
    "spark.ui.showConsoleProgress": "false",
}


@contextmanager
def _errors(rule: str) -> Iterator[None]:
    """Without Spark's own message, which may quote values."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, OSError) as failure:
        shown = getattr(failure, "getCondition", lambda: None)() or type(failure).__name__
        raise EngineError("spark", f"{rule}, got {shown}") from None
