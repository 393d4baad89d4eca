"""`python -m tests.support.mlflow_schema`: writes the script of a new MLflow database, for the version installed."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import mlflow
import sqlalchemy
from mlflow.store.db import utils
from mlflow.store.tracking import sqlalchemy_store  # noqa: F401 all tables are known once it is imported

from training.registry.new_database import SCRIPT, head_line


def migrated() -> str:
    """What MLflow's own migrations leave of an empty database, as a script."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        engine = sqlalchemy.create_engine(f"sqlite:///{path}")
        utils._initialize_tables(engine)  # type: ignore[no-untyped-call]
        engine.dispose()
        return script_of(path)


def script_of(path: Path) -> str:
    """A database as a script, without the spaces that end its lines."""
    with closing(sqlite3.connect(path)) as database:
        lines = "\n".join(database.iterdump())
    return head_line(mlflow.__version__) + re.sub(r"[ \t]+$", "", lines, flags=re.MULTILINE) + "\n"


if __name__ == "__main__":
    SCRIPT.write_text(migrated(), encoding="utf-8")
