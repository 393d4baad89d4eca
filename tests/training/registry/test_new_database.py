"""A new home's MLflow database is what MLflow's own migrations would have made."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest

from tests.support.mlflow_schema import migrated, script_of
from training.registry.new_database import SCRIPT, make_database

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


def statements(script: str) -> list[list[str]]:
    """The statements of a script in one order, each by its lines in one order: MLflow writes constraints as a set."""
    return sorted(sorted(line.strip(", \t") for line in one.splitlines()) for one in script.split(";\n"))


def test_the_script_is_what_mlflows_migrations_leave(tmp_path: Path) -> None:
    """To the letter, its revision included, for the version that is locked; indices and constraints in any order."""
    path, expected = tmp_path / "mlflow.db", statements(migrated())

    make_database(path, version=mlflow.__version__)

    assert statements(SCRIPT.read_text(encoding="utf-8")) == expected, "run `python -m tests.support.mlflow_schema`"
    assert statements(script_of(path)) == expected
    assert [entry.name for entry in tmp_path.iterdir()] == ["mlflow.db"]


def test_another_version_of_mlflow_makes_its_database_itself(tmp_path: Path) -> None:
    """Its tables may be others."""
    make_database(tmp_path / "mlflow.db", version="99.0.0")

    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """Also an empty one, which MLflow fills."""
    path = tmp_path / "mlflow.db"
    path.touch()

    make_database(path, version=mlflow.__version__)

    assert path.stat().st_size == 0
