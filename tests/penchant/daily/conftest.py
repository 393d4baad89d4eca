"""A home with a log's model in service and the file that says what a day holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scoring.population.daily_file import add_use_case
from tests.support.models import release_log
from tests.support.worlds import log_case, purchases


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log, its use case and a home; read only."""
    folder = tmp_path_factory.mktemp("world")
    use_case = log_case(folder, purchases())
    release_log(folder / "home", use_case)
    add_use_case(folder / "home", folder / "case.toml", daily=True)
    return folder


@pytest.fixture
def world(model: Path, tmp_path: Path) -> Path:
    """A copy of it to run in."""
    return shutil.copytree(model, tmp_path / "world")
