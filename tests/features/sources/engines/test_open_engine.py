"""The engine that is asked for is the one that is opened; what is not installed is named."""

from __future__ import annotations

import sys

import pytest

from features.config.engine.engine_section import EngineSection
from features.sources.engine import engine
from features.sources.engines.engine_port import EngineError
from features.sources.engines.open_engine import feature_engine


def test_duckdb_is_no_other_engine() -> None:
    """It reads the log and computes the features of it, without a hand-over."""
    with engine() as backend, feature_engine(backend, EngineSection()) as other:
        assert other is None


@pytest.mark.parametrize(
    ("stated", "missing", "extra"),
    [
        (EngineSection(kind="spark"), "pyspark.sql", "spark"),
        (EngineSection(kind="postgres", url_env="URL"), "adbc_driver_postgresql", "postgres"),
    ],
    ids=["spark", "postgres"],
)
def test_an_extra_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, stated: EngineSection, missing: str, extra: str
) -> None:
    """With what installs it."""
    monkeypatch.setitem(sys.modules, missing, None)

    with engine() as backend, pytest.raises(EngineError) as caught, feature_engine(backend, stated):
        pass

    assert str(caught.value) == f"engine {extra}: needs the extra {extra}: pip install 'penchant[{extra}]'"
