"""A copy of the log's home for each test, which writes to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from features.config.use_case import LogUseCase
from tests.monitoring.conftest import NAME
from tests.support.worlds import load_log


@pytest.fixture
def home(cdnow: Path, tmp_path: Path) -> Path:
    """A copy of the home, its log beside it."""
    shutil.copytree(cdnow, tmp_path / "world")
    return tmp_path / "world/home"


@pytest.fixture
def use_case(home: Path) -> LogUseCase:
    """Who buys within 30 days."""
    return load_log(home.parent / f"{NAME}.toml")
