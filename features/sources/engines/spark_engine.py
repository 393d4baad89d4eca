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
    from pyspark import SparkConf
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
        sql = str(self._ibis.compile(query))
        with _errors("must answer the query of the features"):
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
    own = SparkSession.getActiveSession() is None
    with _errors("a cluster must answer, and Java 17 be installed"):
        session = SparkSession.builder.config(conf=_configuration(master)).getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
    try:
        with tempfile.TemporaryDirectory(prefix="penchant-", dir=shared) as folder:
            yield SparkEngine(backend, session, Path(folder).resolve())
    finally:
        if own:
            session.stop()


def _configuration(master: str | None) -> SparkConf:
    """What the features need, and what Spark's own configuration leaves open."""
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()  # from here on what spark-defaults.conf says is known
    conf = SparkConf()
    if master is not None:
        conf.setMaster(master)
    conf.setIfMissing("spark.app.name", "penchant features")
    conf.setIfMissing("spark.ui.enabled", "false")  # a page that anybody may open
    conf.setIfMissing("spark.ui.showConsoleProgress", "false")
    conf.set("spark.sql.session.timeZone", "UTC")
    conf.set("spark.sql.parquet.inferTimestampNTZ.enabled", "true")  # a moment without a zone stays one
    return conf


@contextmanager
def _errors(must: str) -> Iterator[None]:
    """Without Spark's own message, which may quote values."""
    try:
        yield
    except Exception as failure:  # pyspark lets through whatever Java throws, as errors of its own parts
        shown = getattr(failure, "getCondition", lambda: None)() or type(failure).__name__
        raise EngineError("spark", f"{must}, got {shown}") from None
