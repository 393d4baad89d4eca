"""What a bundle was made from: digests of data, configuration and libraries, and declared versions of the code."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from features.tables.digests import FIGURE_VERSIONS as OF_FEATURES

ROOT = Path(__file__).resolve().parent.parent
# The rooms that make figures. Raise a room's version by hand in the commit that changes its figures: every model is
# then trained anew. tests/system/test_figures.py fails where that was forgotten.
FIGURE_VERSIONS = {
    **{f"features.{room}": version for room, version in OF_FEATURES.items()},
    "scoring.encoding": 2,
    "scoring.models": 1,
    "scoring.bundle": 1,
    "training.data": 3,
    "training.evaluation": 4,
    "training.fitting": 5,
    "training.selection": 7,
    "training.promotion": 6,
    "training.diagnostics": 3,
    "training.bundling": 6,
    "training.uplift": 1,
}
# The same of rooms that few use cases ask for: no other model is trained anew for them.
ADDED_VERSIONS = {"training.value": 1}
LIBRARIES = ("duckdb", "ibis-framework", "numpy", "pandera", "polars", "pyarrow", "scikit-learn", "scipy", "shap")
EITHER = ("xgboost", "xgboost-cpu")  # one code under two names


def code_revision(*added: str) -> str:
    """A digest of the declared versions: the same code for figures, however its files are named or laid out.

    `added` are the rooms of `ADDED_VERSIONS` that make some of them.
    """
    versions = {**FIGURE_VERSIONS, **{room: ADDED_VERSIONS[room] for room in added}}
    return hashlib.sha256(json.dumps(versions, sort_keys=True).encode()).hexdigest()[:16]


def git_commit() -> str | None:
    """The commit checked out, where there is git and this is a checkout: an environment may lie in somebody else's."""
    if not (ROOT / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def library_versions() -> dict[str, str]:
    """The versions that may change a bundle's numbers."""
    found = {name: _version(name) for name in LIBRARIES}
    found["xgboost"] = next((known for name in EITHER if (known := _version(name))), None)
    return {"python": platform.python_version(), **{name: known for name, known in sorted(found.items()) if known}}


def key_digest(data: str, config: str, code: str, versions: dict[str, str]) -> str:
    """The one digest of all that decides a bundle's bytes."""
    return hashlib.sha256(json.dumps([data, config, code, versions], sort_keys=True).encode()).hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
