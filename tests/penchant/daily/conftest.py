"""A home with a log's model in service and the file that says what a day holds."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from scoring.population.daily_file import add_use_case
from tests.support import forks
from tests.support.models import release_log
from tests.support.worlds import load_log, log_case, purchases

OWN = """
[calendar]
sales = "2024-06-26..2024-07-23"

[[counts]]
name = "september_purchases"
event = "purchase"
months = [9]

[[counts]]
name = "sales_purchases"
event = "purchase"
calendar = "sales"
days_around = 3
"""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a log, its use case and a home; read only."""
    folder = tmp_path_factory.mktemp("world")
    file = log_case(folder, purchases()).file
    file.write_text(file.read_text(encoding="utf-8") + OWN, encoding="utf-8")
    release_log(folder / "home", load_log(file))
    add_use_case(folder / "home", file, daily=True)
    return folder


@pytest.fixture
def world(model: Path, tmp_path: Path) -> Path:
    """A copy of it to run in."""
    return shutil.copytree(model, tmp_path / "world")


@pytest.fixture(autouse=True)
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that a run starts are forks: processes still, which need not import all libraries anew.

    Those of a run that is itself a process, as where one is killed, are started anew.
    """
    started = SimpleNamespace(run=forks.run_as_told, PIPE=subprocess.PIPE)
    for module in ("day_features", "day_steps"):
        monkeypatch.setattr(f"penchant.daily.{module}.subprocess", started)
