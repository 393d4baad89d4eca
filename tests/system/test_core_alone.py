"""The core stands alone: with what comes later deleted, it is imported, built and packed all the same."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.conftest import newcomer, take_along
from tests.system.test_layers import CORE, LATER, ROOT, broken_rules

FILES = ("pyproject.toml", "README.md", "LICENSE", "bentofile.yaml")
MODULES = (
    "features.__main__",
    "scoring.cli.main",
    "training.train",
    "training.__main__",
    "serving.__main__",
    "serving.edge.site",
    "penchant.cli.forward",
    "penchant.notebook.calls",
)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout from which everything beside the core is deleted."""
    folder = tmp_path_factory.mktemp("core")
    take_along([*CORE, *FILES], folder)
    return folder


def test_nothing_of_the_core_imports_what_comes_later() -> None:
    """Only penchant may, in steps of its own."""
    found = [line for line in broken_rules(ROOT) if any(f"imports {name}" in line for name in LATER)]

    assert found == []


def test_the_core_is_imported_alone(core: Path) -> None:
    """Its commands and its Python calls, from the copy."""
    program = f"import importlib\nfor name in {MODULES}: print(importlib.import_module(name).__file__)"

    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=core, env=newcomer(), check=True,
                           capture_output=True, text=True)  # fmt: skip

    assert all(line.startswith(str(core)) for line in ended.stdout.splitlines())
    assert len(ended.stdout.splitlines()) == len(MODULES)


def test_the_layers_hold_alone(core: Path) -> None:
    """A package that is not there is asked for by none."""
    assert broken_rules(core) == []


def test_the_wheel_is_built_alone(core: Path, tmp_path: Path) -> None:
    """The packages of the core and the wheel's own notes."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=core, check=True, capture_output=True)

    [wheel] = tmp_path.glob("*.whl")
    folders = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in folders if not name.endswith(".dist-info")} == set(CORE)


def test_the_bento_packs_serving_and_what_it_stands_on(core: Path) -> None:
    """`features.spec`, `scoring`, `serving` and releases: no training, nothing of what comes later."""
    patterns = yaml.safe_load((core / "bentofile.yaml").read_text(encoding="utf-8"))["include"]
    packed = {path.relative_to(core) for pattern in patterns for path in core.glob(pattern.replace("**", "**/*"))}

    assert {path.parts[0] for path in packed} == {"features", "scoring", "serving", "LICENSE"}
    assert {path.parts[1] for path in packed if path.parts[0] == "features" and len(path.parts) > 1} == {
        "__init__.py",
        "spec",
    }
    assert not any(pattern.startswith(name) for pattern in patterns for name in (*LATER, "training", "penchant"))
