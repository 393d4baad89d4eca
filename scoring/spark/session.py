"""A connection to a Spark cluster; pyspark is imported here and by executors alone, when a run asks for it."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scoring.errors import ClusterError

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext


@contextmanager
def spark_context(master: str | None) -> Iterator[SparkContext]:
    """A connection to the master at an address, or to the one that Spark's own configuration names; ended here.

    Spark without either works in this machine's own processes.

    A connection that this process has already is taken as it is, and left open.

    Raises:
        ClusterError: pyspark or Java is not there, or the master does not answer.
    """
    try:
        from pyspark import SparkContext
        from pyspark.errors import PySparkException
    except ImportError as error:
        raise ClusterError(
            "--engine spark needs pyspark (pip install 'penchant[spark]') and Java 17 or newer, got no pyspark."
        ) from error
    own = SparkContext._active_spark_context is None
    try:
        context = SparkContext.getOrCreate(_configuration(master)) if own else SparkContext.getOrCreate()
    except (PySparkException, OSError) as error:
        raise ClusterError(f"Spark needs Java 17 or newer, got {type(error).__name__}.") from error
    try:
        yield context
    finally:
        if own:
            context.stop()


def _configuration(master: str | None) -> SparkConf:
    """What Spark's own configuration leaves open."""
    from pyspark import SparkConf, SparkContext

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # this Python, at the same path on every machine
    SparkContext._ensure_initialized()  # from here on what spark-defaults.conf says is known
    conf = SparkConf()
    if master is not None:
        conf.setMaster(master)
    conf.setIfMissing("spark.app.name", "penchant score")
    conf.setIfMissing("spark.ui.enabled", "false")  # a page that anybody may open
    if (checkout := _checkout()) is not None:
        conf.setIfMissing("spark.executorEnv.PYTHONPATH", str(checkout))
    return conf


def _checkout() -> Path | None:
    """Where our packages stand when they are not installed, for executors that see the same files."""
    root = Path(__file__).parents[2]
    return None if str(root) in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")) else root
