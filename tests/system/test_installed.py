"""What a wheel holds, and what an installed package does without its checkout."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, newcomer, take_along
from training import provenance

PACKAGES = ("features", "scoring", "training", "activation", "monitoring", "serving", "penchant")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in the wheel that `pip install .` would build of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return zipfile.ZipFile(built).namelist()


def sources(package: str) -> set[str]:
    """All files of a package, as git and a wheel see them."""
    found = (path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


def test_the_wheel_holds_the_packages_whole(wheel: list[str]) -> None:
    """Code, types, texts, templates, style and locks: what stands in a package's folder, and no other folder."""
    expected = {name for package in PACKAGES for name in sources(package)}
    held = {name for name in wheel if ".dist-info/" not in name}

    assert held == expected
    assert all(f"{package}/py.typed" in held for package in PACKAGES)


def test_the_lists_of_packages_agree() -> None:
    """The wheel, mypy and these tests speak of the same packages."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]

    assert tool["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
    assert tool["mypy"]["files"] == [*PACKAGES, "tests", "benchmarks", "handbook"]


def test_without_the_examples_training_asks_for_a_use_case(tmp_path: Path) -> None:
    """An installed package has no examples: one sentence and 2, no traceback."""
    take_along(("features", "scoring", "training"), tmp_path)

    ended = subprocess.run(
        [sys.executable, "-m", "training"], cwd=tmp_path, env=newcomer(), capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert ended.stderr == "error: A USE_CASE.toml must be named where the examples are not at hand, got none.\n"


def test_no_commit_of_somebody_elses_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment inside another repository records no commit of that one."""
    monkeypatch.setattr(provenance, "ROOT", ROOT / "features")

    assert provenance.git_commit() is None
