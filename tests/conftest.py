"""What several folders of tests share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def examples_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the three examples trained, registered and released as `make run` does it; not to be written to.

    Beside it stands `training.json`, what `python -m training --json` printed.
    """
    home = tmp_path_factory.mktemp("examples") / ".penchant"
    command = [sys.executable, "-m", "training", "--home", str(home), "--json"]
    with (home.parent / "training.json").open("wb") as report:
        subprocess.run(command, cwd=ROOT, stdout=report, check=True)
    return home
