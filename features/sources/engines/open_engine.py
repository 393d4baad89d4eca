"""The engine that a use case asks for, opened for a job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from features.sources.engines.engine_port import FeatureEngine, StatedEngine


@contextmanager
def feature_engine(backend: Any, stated: StatedEngine) -> Iterator[FeatureEngine | None]:
    """The engine in which feature tables are computed; None: in the DuckDB that reads the log.

    Raises:
        EngineError: It cannot be reached, or what it needs is not installed.
    """
    if stated.kind == "spark":
        from features.sources.engines.spark_engine import spark_engine

        with spark_engine(backend, stated.master, stated.folder) as spark:
            yield spark
    elif stated.kind == "postgres":
        from features.sources.engines.postgres_engine import postgres_engine

        with postgres_engine(backend, stated.url_env or "") as postgres:
            yield postgres
    else:
        yield None
