"""What a bundle was made from: data, configuration, code and libraries, each as a digest."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("features", "scoring", "training")
LIBRARIES = ("duckdb", "ibis-framework", "numpy", "pandera", "polars", "pyarrow", "scikit-learn", "scipy", "shap")
EITHER = ("xgboost", "xgboost-cpu")  # one code under two names


@cache
def code_revision() -> str:
    """A digest of our own sources, so that it means the same with git and without; read once, as the code was."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".toml", ".sql", ".html") and path.is_file():
                digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


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
