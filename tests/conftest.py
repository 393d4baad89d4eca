"""What several folders of tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def newcomer() -> dict[str, str]:
    """The environment of someone who has set nothing: MLflow keeps its address there for its children."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PENCHANT_"))}


@pytest.fixture(scope="session")
def examples_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the three examples trained, registered and released as `make run` does it; not to be written to.

    Beside it stands `training.json`, what `python -m training --json` printed.
    """
    home = tmp_path_factory.mktemp("examples") / ".penchant"
    command = [sys.executable, "-m", "training", "--home", str(home), "--json"]
    with (home.parent / "training.json").open("wb") as report:
        subprocess.run(command, cwd=ROOT, env=newcomer(), stdout=report, check=True)
    return home
