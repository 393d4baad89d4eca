"""`penchant` only forwards: each command is a package's own, in the same process, imported when it is called."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.forward import COMMANDS, main
from scoring.lean_imports import BARRED
from tests.conftest import ROOT

Capture = pytest.CaptureFixture[str]


def started(*words: str) -> subprocess.CompletedProcess[str]:
    """`python -m penchant` with these words, ended."""
    command = [sys.executable, "-m", "penchant", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def own_commands(name: str) -> set[str]:
    """The sub-commands that a package itself knows."""
    module: Any = importlib.import_module(COMMANDS[name].module)
    match name:
        case "train":
            return set(module.RUN) - {"train"}
        case "features":
            return {"build", "history", "init", "duplicates", "report", "prove"}
        case "score" | "campaign":
            return set(module.COMMANDS)
        case _:
            return set(getattr(module, "_COMMANDS", ()))


def test_help_lists_all_commands(capsys: Capture) -> None:
    """With --help, and with nothing: 0, each command with its own ones."""
    assert main(["--help"]) == 0

    text = capsys.readouterr().out
    assert main([]) == 0
    assert capsys.readouterr().out == text
    assert all(word in text for command in COMMANDS.values() for word in command.commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_listed_are_those_of_the_package(name: str) -> None:
    """What help says is what the package knows."""
    assert set(COMMANDS[name].commands) == own_commands(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_the_packages_own(name: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its help is the package's, under the name that was called; shared options may stand before it."""
    monkeypatch.setattr("penchant.cli.forward.bar_training_libraries", lambda: None)  # these tests need them
    module = importlib.import_module(COMMANDS[name].module)
    texts = []
    for call in (lambda: main(["--json", name, "--help"]), lambda: module.main(["--help"])):
        monkeypatch.setattr(sys, "argv", ["pytest"])
        with pytest.raises(SystemExit) as end:
            call()
        assert end.value.code == 0
        texts.append(" ".join(capsys.readouterr().out.split()))

    assert texts[0] == texts[1].replace(f"python -m {COMMANDS[name].package}", f"penchant {name}")


@pytest.mark.parametrize("words", [["bogus"], ["--home", "H", "bogus"], ["sync"]])
def test_an_unknown_command_is_refused_with_the_list(words: list[str], capsys: Capture) -> None:
    """2, and the commands there are."""
    assert main(words) == 2

    said = capsys.readouterr().err
    assert f"got '{words[-1]}'" in said
    assert all(name in said for name in COMMANDS)


def test_results_and_exit_codes_come_through(tmp_path: Path) -> None:
    """As from the package: a document and 0, a usage error and 2, a sub-command's own."""
    home = ("--home", str(tmp_path))

    listed, unknown, planned = (
        started(*home, "--json", "serve", "keys", "list"),
        started("train", "--nonsense"),
        started("train", *home, "plan", "shop"),
    )

    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
    assert (unknown.returncode, unknown.stderr.split()[:3]) == (2, ["usage:", "penchant", "train"])
    assert planned.returncode == 1


@pytest.mark.parametrize("words", [["serve", "--help"], ["serve", "keys", "list"], ["score", "--help"]])
def test_serving_and_scoring_load_no_library_of_training(words: list[str], tmp_path: Path) -> None:
    """Neither them nor our own packages above."""
    program = (
        "import sys\nfrom penchant.cli.forward import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=True,
        env={"PENCHANT_HOME": str(tmp_path)},
    )  # fmt: skip

    assert not {*BARRED, "training"} & set(ended.stderr.split())


def test_the_help_of_all_imports_no_package() -> None:
    """So that it is there at once."""
    program = "import sys\nfrom penchant.cli.forward import main\nmain([])\nprint(*sys.modules, file=sys.stderr)"

    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"training", "serving", "numpy", "polars", "xgboost"} & set(ended.stderr.split())
