"""A run of a day that is killed at a step: `python -m tests.support.killed_runs HOME DAY STEP MOMENT`.

It ends by SIGKILL from within, so that the moment is the same at every run: once the step has done what it does and
nothing says so yet (`worked`), or once that is noted and the next one has not begun (`noted`).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from penchant.cli.run import main
from penchant.daily import day
from penchant.daily.day_steps import STEPS


def _die_after(function: Callable[..., Any], step: str | None = None) -> Callable[..., Any]:
    def last(*arguments: Any, **options: Any) -> None:
        function(*arguments, **options)
        if step in (None, arguments[-1]):
            os.kill(os.getpid(), signal.SIGKILL)

    return last


def _kill_at(step: str, moment: str) -> None:
    if moment == "worked":
        day.__dict__["STEPS"] = {**STEPS, step: _die_after(STEPS[step])}
    else:
        day.__dict__["_note_done"] = _die_after(day.__dict__["_note_done"], step)


if __name__ == "__main__":
    home, as_of, at, when = sys.argv[1:]
    _kill_at(at, when)
    raise SystemExit(main(["--home", home, "--as-of", as_of]))
