"""Every command line takes the shared options at either side, and answers --help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import features.__main__
import scoring.cli.main
import serving.__main__
import training.__main__

MAINS = {
    "features": features.__main__.main,
    "scoring": scoring.cli.main.main,
    "serving": serving.__main__.main,
    "training": training.__main__.main,
}
COMMANDS = {
    "features": [["build"], ["init"], ["duplicates"], ["report"], ["prove"]],
    "scoring": [[], ["segments"], ["sql"], ["snapshot"], ["export"], ["contacts"], ["segment-report"]],
    "serving": [
        [],
        *(["keys", command] for command in ("add", "remove", "list")),
        ["load"],
        ["replay"],
        *(["suppress", command] for command in ("add", "remove", "count")),
    ],
    "training": [[], ["train"], ["sync"], ["promote"], ["rollback"], ["plan"], ["report"]],
}
EVERY = [(package, command) for package, commands in COMMANDS.items() for command in commands]


@pytest.fixture(autouse=True)
def _unbarred(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of serving bars training's libraries in its process; this one's other tests need them."""
    monkeypatch.setattr("serving.__main__.bar_training_libraries", lambda: None)


def run(package: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[Any, str, str]:
    """The exit code of a command line, its stdout and its stderr."""
    try:
        code: Any = MAINS[package](words)
    except SystemExit as end:
        code = end.code
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize(("package", "command"), EVERY, ids=lambda value: value if isinstance(value, str) else None)
def test_every_command_shows_what_it_takes(
    package: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """--help ends with 0 and names the shared options, also where these stand before the command."""
    plain = run(package, [*command, "--help"], capsys)
    behind = run(package, ["--json", "--home", "H", *command, "--help"], capsys)

    assert plain[0] == behind[0] == 0
    assert plain[1] == behind[1]
    assert "--home DIR" in plain[1]
    assert "--json" in plain[1]


@pytest.mark.parametrize("package", MAINS)
def test_what_holds_commands_says_where_the_options_go(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of the package lists every command, and that the shared options may stand before it."""
    _, text, _ = run(package, ["--help"], capsys)

    assert all(command[0] in text for command in COMMANDS[package] if command and command != ["train"])
    assert "may also" in " ".join(text.split())


@pytest.mark.parametrize("before", [True, False])
def test_a_home_is_heeded_on_either_side(tmp_path: Path, before: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys are made in the home that was named, and listed from it as one document."""
    shared = ["--home", str(tmp_path), "--json"]

    def keys(*words: str) -> Any:
        line = [*shared, "keys", *words] if before else ["keys", *words, *shared]
        code, out, _ = run("serving", line, capsys)
        assert code == 0
        return json.loads(out)

    made = keys("add", "shop", "--scopes", "score")

    assert made["key"].startswith("pnc_")
    assert keys("list") == [{"name": "shop", "scopes": ["score"], "rate": None}]
    assert keys("remove", "shop") == {"removed": "shop"}
    assert keys("list") == []


def test_a_command_is_none_of_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--home H plan` is the command, which finds no release there; it is not read as a use case."""
    code, _, said = run("training", ["--home", str(tmp_path), "plan", "shop"], capsys)

    assert code == 1
    assert "plan" not in said.partition("shop")[0]


@pytest.mark.parametrize(
    ("package", "words"), [("features", ["--json", "bogus"]), ("serving", ["--home", "H", "keys", "x"])]
)
def test_an_unknown_command_is_refused_by_name(
    package: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """2, and the commands that there are."""
    code, _, said = run(package, words, capsys)

    assert code == 2
    assert f"invalid choice: '{words[-1]}'" in said
