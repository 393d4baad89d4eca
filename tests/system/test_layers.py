"""The layers, read from syntax trees: features <- scoring <- training, scoring <- serving, and penchant above all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ("features", "scoring", "training", "serving", "penchant")
OURS = (*CORE, "activation", "monitoring")
LATER = ("activation", "monitoring")  # installed beside the core or not; it stands without them

# What each package may import of the others; a module stands for itself and all below it.
MAY_IMPORT = {
    "features": (),
    "scoring": ("features.spec",),
    "training": ("features", "scoring"),
    "serving": ("scoring", "features.spec"),
    "activation": ("features", "scoring"),
    "monitoring": ("features", "scoring"),
    "penchant": ("features", "scoring", "training", "serving", *LATER),
    "examples": (),
}
# Where a library may be imported at all: a package, or single files.
AT_HOME = {
    "mlflow": (
        "training/registry/mlflow_registry.py",
        "training/registry/pyfunc_model.py",
        "training/registry/pyfunc_segments.py",
    ),
    "bentoml": ("serving/service.py",),
    "ibis": ("features/",),
    "pandera": ("features/",),
    "sklearn": ("training/", "monitoring/"),
    "shap": ("training/",),
    "numba": ("scoring/models/bulk_kernel.py",),
    "pandas": ("training/",),
    "pyspark": ("features/sources/engine", "scoring/spark/"),
}
UNSAFE_LIBRARIES = ("pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "skops")
UNSAFE_CALLS = ("eval", "exec", "__import__")


def imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Dotted names that a file imports, anywhere in it; relative ones are resolved, import_module("x") counts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) == "import_module":
            yield from (str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _within(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def broken_rules(root: Path) -> list[str]:
    """One line for each import or call, in the packages below `root`, that the layers forbid."""
    return [
        f"{path.relative_to(root)}: {line}"
        for package in MAY_IMPORT
        for path in sorted((root / package).rglob("*.py"))
        for line in _broken_in(path, root)
    ]


def _broken_in(path: Path, root: Path) -> Iterator[str]:
    place = path.relative_to(root)
    package, tree = place.parts[0], ast.parse(path.read_text(encoding="utf-8"))
    for name in imported(tree, ".".join(place.parts[:-1])):
        library = name.partition(".")[0]
        if library in (*OURS, *LATER) and library != package and not _within(name, MAY_IMPORT[package]):
            yield f"{package} imports {name}"
        if not place.as_posix().startswith(AT_HOME.get(library, "")):
            yield f"{library} is imported outside {', '.join(AT_HOME[library])}"
        if library in UNSAFE_LIBRARIES:
            yield f"{library} can run what it reads"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in UNSAFE_CALLS:
            yield f"{node.func.id}() runs text as code"


def test_every_import_follows_the_layers() -> None:
    """No package reaches up, no library leaves its room, and nothing unpickles or evaluates."""
    assert broken_rules(ROOT) == []


def ring(root: Path) -> list[str]:
    """Files of ours that import one another in a ring, if any do; an import for its types alone counts."""
    files = [path for package in OURS for path in sorted((root / package).rglob("*.py"))]
    modules = {".".join(path.relative_to(root).with_suffix("").parts): path for path in files}
    ahead = {
        name: {found for found in _named(path, name) if found in modules and found != name}
        for name, path in modules.items()
    }
    try:
        TopologicalSorter(ahead).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _named(path: Path, name: str) -> Iterator[str]:
    for found in imported(ast.parse(path.read_text(encoding="utf-8")), name.rpartition(".")[0]):
        yield from (found, found.rpartition(".")[0])


def test_no_files_import_one_another_in_a_ring() -> None:
    """Each file can be read after those it stands on."""
    assert ring(ROOT) == []


def test_a_ring_is_seen(tmp_path: Path) -> None:
    """Two files that need each other, one of them for its types only, and one that stands on both."""
    (tmp_path / "scoring").mkdir()
    (tmp_path / "scoring/one.py").write_text("from scoring.two import x")
    (tmp_path / "scoring/two.py").write_text("if TYPE_CHECKING:\n    import scoring.one")
    (tmp_path / "scoring/three.py").write_text("from scoring import two")

    assert set(ring(tmp_path)) == {"scoring.one", "scoring.two"}


def test_the_packages_are_where_the_layers_look_for_them() -> None:
    """An empty folder would pass every rule."""
    assert all(list((ROOT / package).glob("*.py")) for package in OURS)


def test_features_is_an_empty_package() -> None:
    """`import features.spec.feature` must bring no table library along."""
    assert (ROOT / "features/__init__.py").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("features/build/log_table.py", "from scoring.bundle.bundle import Bundle"),
        ("features/build/log_table.py", "def f():\n    import training.data.split"),
        ("scoring/models/model.py", "import features.build.log_table"),
        ("scoring/models/model.py", "from features import table"),
        ("scoring/models/model.py", "from ...features import table"),
        ("scoring/models/model.py", "import features"),
        ("scoring/models/model.py", "import serving.releases.watcher"),
        ("training/train.py", "from serving import client"),
        ("serving/releases/watcher.py", "from training.registry.mlflow_registry import sync"),
        (
            "serving/releases/watcher.py",
            "import importlib\nimportlib.import_module('training.task')",
        ),
        ("serving/releases/watcher.py", "from features.build.log_table import learning_table"),
        ("training/train.py", "from penchant import score"),
        ("serving/edge/site.py", "import monitoring.state"),
        ("scoring/batch/score_files.py", "from activation import ledger"),
        ("activation/plan.py", "from serving.settings import Settings"),
        ("penchant/notebook/frames.py", "import pandas"),
        ("examples/b2b-mailing/generate.py", "import features.spec.feature"),
        ("training/train.py", "import mlflow"),
        ("serving/console/pages.py", "import bentoml"),
        ("training/train.py", "from ibis import _"),
        ("scoring/models/model.py", "import pandera.polars"),
        ("scoring/models/model.py", "from sklearn.metrics import log_loss"),
        ("serving/releases/watcher.py", "import shap"),
        ("scoring/models/model.py", "import pandas as pd"),
        ("training/train.py", "import pickle"),
        ("training/train.py", "from joblib import dump"),
        ("scoring/segments/rules.py", "eval('1 + 1')"),
        ("scoring/segments/rules.py", "exec('x = 1')"),
        ("scoring/segments/rules.py", "__import__('os')"),
    ],
)
def test_each_rule_can_be_broken(tmp_path: Path, path: str, source: str) -> None:
    """A file that breaks one rule is named, once."""
    _write(tmp_path, path, source)

    broken = broken_rules(tmp_path)

    assert len(broken) == 1
    assert broken[0].startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("scoring/models/model.py", "from features.spec.feature import Feature\nfrom .bundle import Bundle"),
        (
            "training/train.py",
            "from features.build.log_table import rows_at\nimport scoring.bundle.bundle\nimport sklearn",
        ),
        ("training/registry/mlflow_registry.py", "import mlflow.pyfunc"),
        ("penchant/notebook/calls.py", "from training.train import train\nfrom serving.settings import Settings"),
        ("serving/service.py", "import bentoml\nfrom scoring import answers"),
        ("features/point_in_time/definitions.py", "import ibis\nimport re\nre.compile('a')"),
    ],
)
def test_what_the_layers_allow_passes(tmp_path: Path, path: str, source: str) -> None:
    """Downward imports, and libraries in their own rooms, are no violation."""
    _write(tmp_path, path, source)

    assert broken_rules(tmp_path) == []


def _write(root: Path, path: str, source: str) -> None:
    target = root / path
    target.parent.mkdir(parents=True)
    target.write_text(source, encoding="utf-8")
