"""MLflow's SQLite database of a new home, as its own migrations leave one: copied from a file, which takes hundredths.

Its some sixty migrations take more than a second of processor time, on tables that hold nothing. The file is of one
MLflow version (`python -m tests.support.mlflow_schema` writes it, a test holds it against the migrations); with any
other one nothing is done here, and MLflow makes its database itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from features.spec.atomic import draft_of

SCRIPT = Path(__file__).with_name("new_database.sql")


def head_line(version: str) -> str:
    """The first line of a script of this version of MLflow."""
    return f"-- MLflow {version}: what its migrations make of an empty database.\n"


def make_database(path: Path, *, version: str) -> None:
    """Makes the database where there is none yet and the script is of MLflow's version.

    It appears whole or not, and never in place of one that somebody has made meanwhile.
    """
    script = SCRIPT.read_text(encoding="utf-8")
    if path.exists() or not script.startswith(head_line(version)):
        return
    with draft_of(path, keep_existing=True) as draft, closing(sqlite3.connect(draft)) as database:
        database.executescript(script)
