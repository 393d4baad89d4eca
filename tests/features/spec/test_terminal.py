"""What commands print reaches a terminal of any encoding."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from importlib import import_module

import pytest


@pytest.mark.parametrize("encoding", ["latin-1", "cp850", "ascii"])
def test_a_sign_a_terminal_lacks_is_replaced(encoding: str) -> None:
    """On either stream, without an error."""
    script = (
        "import sys; from features.spec.terminal import print_to_any_terminal; print_to_any_terminal();"
        "print('Ville \\u2605 \\u2212'); print('\\u201cn\\u201d \\u2605', file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}

    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)

    assert done.stdout.decode(encoding).split() == ["Ville", "?", "?"]
    assert done.stderr.decode(encoding).split() == ["?n?", "?"]


def test_every_command_prints_to_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing a main does, so that --help and usage errors are covered."""
    for module in (
        "features.__main__",
        "scoring.cli.main",
        "training.__main__",
        "serving.__main__",
        "penchant.cli.forward",
    ):
        calls: list[None] = []
        main = import_module(module)
        monkeypatch.setattr(main, "print_to_any_terminal", lambda calls=calls: calls.append(None))
        with contextlib.suppress(SystemExit):
            main.main(["--help"])
        assert calls, module
