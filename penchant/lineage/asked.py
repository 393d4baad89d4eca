"""Whether anybody may want events of a command, found out without loading anything."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from features.spec.options import default_home

_VARIABLES, _SECTION, _FILE = "OPENLINEAGE", b"[lineage]", "run.toml"


def may_be_asked_for(words: Sequence[str]) -> bool:
    """Whether a variable of OpenLineage is set, or the file of the home that the words name has its section."""
    if any(name.startswith(_VARIABLES) for name in os.environ):
        return True
    try:
        return _SECTION in (_home_of(words) / _FILE).read_bytes()
    except OSError:
        return False


def _home_of(words: Sequence[str]) -> Path:
    for number, word in enumerate(words):
        if word.startswith("--home="):
            return Path(word.removeprefix("--home="))
        if word == "--home" and number + 1 < len(words):
            return Path(words[number + 1])
    return default_home()
