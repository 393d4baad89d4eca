"""HOME/run.toml, which names the use cases of the daily run: begun by a first promotion, edited by its owner."""

from __future__ import annotations

import json
import os
from pathlib import Path

from features.spec.atomic import write_file

RUN_FILE = "run.toml"
_HEAD = """\
# What `penchant run` does each day: features, scores, reasons and segments of these use cases.
# Of a ready table `rows = "FILE"` names whom to score; else it is the rows without a label.
#
# [population]
# keep = "35d"  # how long reasons and features are kept; scores, bands and segments until their outcome is known,
# months = 13   # and those of the last day of a month for so many months
"""


def add_use_case(home: Path, use_case: Path, *, daily: bool) -> None:
    """Adds a use case's file unless it is named there; all else is left as it is.

    Args:
        home: Where releases stand.
        use_case: The TOML file.
        daily: Whether it can be scored as it is: a ready table awaits its owner's `rows`, and is added as a comment.
    """
    file = home / RUN_FILE
    entry = f"[[use_case]]\nfile = {json.dumps(_named(home.resolve(), use_case.resolve()), ensure_ascii=False)}\n"
    if not daily:
        entry = "".join(f"# {line}\n" for line in [*entry.splitlines(), 'rows = "today.csv"'])
    before = file.read_text(encoding="utf-8") if file.exists() else _HEAD
    if entry not in before:
        write_file(file, f"{before.rstrip()}\n\n{entry}".encode())


def _named(home: Path, use_case: Path) -> str:
    """From the home where both lie in one project, so that it may be moved; else in full."""
    return os.path.relpath(use_case, home) if use_case.is_relative_to(home.parent) else str(use_case)
