"""What travels with the repository: locks without addresses, no trace of a machine, small use cases."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from tests.system.test_layers import OURS, imported

ROOT = Path(__file__).parents[2]
PACKAGES = (*OURS, "examples")
LOCKS = ("requirements.lock", "serving/requirements.lock", "training/registry.lock", "deploy/requirements.lock")
PIN = re.compile(r"^([a-z0-9._-]+)(\[[^]]*\])?==\S+( ; .*)? \\$")
# Clients of warehouses that nobody here has, whose owners install them (ADR 41); what `make airflow` tries (ADR 62).
UNTRIED = {"snowflake", "google", "airflow"}
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")

# Spelt in two halves so that this file holds none of them.
HOMES = re.compile(
    "|".join([r"(?<![\w.])/" + "home/(?!bento)[a-z]", "/" + "root/", "/" + "work/", "/" + "Users/[a-z]"])
)
REGISTRIES = re.compile("|".join(["py" + r"pi\.", "python" + r"hosted\.", "npm" + r"js\.", "deb" + r"ian\.org"]))
BINARY = (".parquet", ".png", ".ico", ".woff2", ".xz")


def tracked() -> list[Path]:
    """Every text file that git knows or would add; where there is no git, the files of the packages."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and path.suffix not in BINARY]


def traces(text: str) -> list[str]:
    """Paths of a machine and hosts of package registries in a text."""
    return [match[0] for pattern in (HOMES, REGISTRIES) for match in pattern.finditer(text)]


def pins(lock: str) -> dict[str, list[str]]:
    """Hash lines by pinned package; a line that is neither a pin, a hash nor a comment is an error."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lock.splitlines():
        if match := PIN.match(line):
            name = match[1]
            found.setdefault(name, [])
        elif HASH.match(line):
            found[name].append(line)
        elif line.strip() and not line.lstrip().startswith("#"):
            raise ValueError(f"A lock holds pins, hashes and comments, got {line!r}.")
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    """Nothing is installed that is not the file that was locked."""
    pinned = pins((ROOT / lock).read_text(encoding="utf-8"))

    assert len(pinned) > 10
    assert [name for name, hashes in pinned.items() if not hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    """A lock works with any index."""
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


@pytest.mark.parametrize("line", ["--index-url somewhere", "numpy>=2", "a @ file", "numpy==2.2"])
def test_a_lock_that_is_none_is_refused(line: str) -> None:
    """The reader of locks sees what does not belong there."""
    with pytest.raises(ValueError, match="A lock holds pins"):
        pins(line)


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """Every direct dependency is pinned; the others pin the same versions; serving no training library."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    everything, serving, registry, daily = ((ROOT / lock).read_text(encoding="utf-8") for lock in LOCKS)

    assert {re.split(r"[\[<>=;! ]", one)[0] for one in asked} <= pins(everything).keys()
    assert _pin_lines(serving) <= _pin_lines(everything)
    assert _pin_lines(daily) <= _pin_lines(everything)
    assert {
        name for name, _, _ in (line.partition("==") for line in _pin_lines(registry) - _pin_lines(everything))
    } == {
        "psycopg",
        "psycopg-binary",
    }
    assert not {"mlflow", "pandas", "scikit-learn", "shap", "pandera", "ibis-framework"} & pins(serving).keys()


def test_every_library_we_import_is_asked_for() -> None:
    """What a package imports is in `dependencies`, not there by somebody else's grace; and the ADR says what for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.split(r"[\[<>=;! ]", one)[0] for one in project["dependencies"]}
    extras = {re.split(r"[\[<>=;! ]", one)[0] for extra in project["optional-dependencies"].values() for one in extra}
    decided = (ROOT / "docs/adr/0005-dependencies.md").read_text(encoding="utf-8")
    homes = packages_distributions()
    used = {name for path in PACKAGES for name in _libraries(ROOT / path)} - UNTRIED

    assert {name for name in used if not {home.lower() for home in homes.get(name, [name])} & (asked | extras)} == set()
    assert [name for name in sorted(asked) if not re.search(rf"\b{re.escape(name)}\b", decided)] == []


def _libraries(package: Path) -> Iterator[str]:
    for path in package.rglob("*.py"):
        for name in imported(ast.parse(path.read_text(encoding="utf-8")), "here"):
            library = name.partition(".")[0]
            if library not in sys.stdlib_module_names | {*OURS, "here"}:
                yield library


def _pin_lines(lock: str) -> set[str]:
    return {line.split(" ")[0] for line in lock.splitlines() if PIN.match(line)}


def test_no_file_names_a_machine_or_a_registry() -> None:
    """No absolute path of somebody's machine, no host of a package registry."""
    found = {
        str(path.relative_to(ROOT)): names for path in tracked() if (names := traces(path.read_text(encoding="utf-8")))
    }

    assert found == {}


@pytest.mark.parametrize(
    "text", ["see /" + "home/ada/x", "cd /" + "work/main", "https://py" + "pi.org/simple", "/" + "root/.cache"]
)
def test_a_trace_would_be_found(text: str) -> None:
    """The search can fail."""
    assert traces(text)


def test_the_licence_is_there_in_full() -> None:
    """Apache 2.0, and the project file says the same."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert project["license"] == "Apache-2.0"


@pytest.mark.parametrize(
    "path",
    sorted(set(ROOT.glob("examples/*/*.toml")) - set(ROOT.glob("examples/*/segments.toml"))),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_a_use_case_is_a_few_lines(path: Path) -> None:
    """A question, its data and its moment fit on a page; names for people to read come on top."""
    text = re.split(r"^\[(?:names|what_if|bands|engagement)\]", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[0]
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]

    assert len(lines) <= 25


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in ROOT.glob("examples/*/*.toml")), ids=lambda path: path.name
)
def test_every_example_names_its_source_and_terms(folder: Path) -> None:
    """Data is never without where it comes from and what may be done with it."""
    assert "terms" in (folder / "README.md").read_text(encoding="utf-8").lower()


def test_the_bento_is_built_from_the_service_and_its_lock() -> None:
    """`bentoml build` takes the one service and installs the serving lock as it stands."""
    text = (ROOT / "bentofile.yaml").read_text(encoding="utf-8")

    assert re.search(r"^service: *[\"']?serving\.service:\w+", text, re.MULTILINE)
    assert "serving/requirements.lock" in text
    assert re.search(r"lock_packages: *false", text)


def test_ci_calls_what_people_call() -> None:
    """One way to test: `.ci/run` is `make test`."""
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")

    assert "make test" in script
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_hooks_call_what_ci_calls() -> None:
    """Every hook is a target of the Makefile; none is fetched from elsewhere."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert [repository["repo"] for repository in repositories] == ["local"]
    assert hooks
    assert all(re.search(rf"^{hook['entry'].removeprefix('make ')}:", makefile, re.MULTILINE) for hook in hooks)
    assert all(hook["entry"].startswith("make ") for hook in hooks)
