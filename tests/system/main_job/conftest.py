"""The examples, trained once from the command line, as a newcomer would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import newcomer
from tests.support import forks
from tests.support.servers import Server, start, stop

ROOT = Path(__file__).parents[3]


def penchant(*arguments: str, code: int = 0) -> str:
    """Runs one of the packages from the command line; returns what it prints on stdout."""
    done = forks.run(["-m", *arguments], cwd=ROOT, env=newcomer())
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def trained(examples_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """A home with the three examples, to be written to, and what training said of each."""
    home = tmp_path_factory.mktemp("trained") / "home"
    shutil.copytree(examples_home, home)
    reports = json.loads((examples_home.parent / "training.json").read_bytes())
    return home, {report["name"]: report for report in reports}


@pytest.fixture(scope="session")
def customers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five hundred CDNOW customers as of the test cutoff, as a Parquet file of features."""
    folder = tmp_path_factory.mktemp("customers")
    table = folder / "table.parquet"
    penchant("features", "build", "examples/cdnow/propensity.toml", "--cutoff", "1998-04-02", "--out", str(table))
    pl.read_parquet(table).sample(500, seed=7).write_parquet(folder / "sample.parquet")
    return folder / "sample.parquet"


@pytest.fixture(scope="session")
def server(trained: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the trained home."""
    running = start(trained[0], tmp_path_factory.mktemp("server"))
    yield running
    stop(running)
