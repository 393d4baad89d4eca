"""Engines of this machine that tests compute features with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from features.config.engine.engine_section import EngineSection
from tests.support.postgres import cluster
from tests.support.spark_cluster import SparkCluster, spark_cluster

ADDRESS = "PENCHANT_TEST_POSTGRES"  # the variable that holds where the database is


def java_is_there() -> None:
    """Says what is missing where a cluster could not start."""
    assert shutil.which("java"), "No Java: `make java` installs Debian's openjdk-17-jre-headless."


@contextmanager
def stated_engine(kind: str) -> Iterator[EngineSection]:
    """A database of this machine, or a cluster of a master and two workers, as a use case would state it."""
    if kind == "postgres":
        with cluster() as database, pytest.MonkeyPatch.context() as patch:
            patch.setenv(ADDRESS, database.address)
            yield EngineSection(kind="postgres", url_env=ADDRESS)
    else:
        java_is_there()
        with spark_cluster() as machines, spark_driver(machines):
            yield EngineSection(kind="spark", master=machines.master)


@contextmanager
def spark_driver(machines: SparkCluster) -> Iterator[None]:
    """This process as a driver of a cluster; the Java that it begins ends with the block.

    Two partitions suffice for what tests shuffle, of which there are 200 by default.
    """
    from pyspark import SparkContext

    with pytest.MonkeyPatch.context() as patch:
        for name, value in machines.environment.items():
            patch.setenv(name, value)
        patch.setenv("PYSPARK_SUBMIT_ARGS", "--conf spark.sql.shuffle.partitions=2 pyspark-shell")
        try:
            yield
        finally:
            if (gateway := SparkContext._gateway) is not None:
                gateway.shutdown()
                gateway.proc.stdin.close()
                gateway.proc.wait(60)
                SparkContext._gateway = SparkContext._jvm = None
