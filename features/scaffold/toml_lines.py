"""Lines of a drafted use case: keys, columns and paths as TOML, and what is left to fill in."""

from __future__ import annotations

import json
from pathlib import Path

from features.scaffold.column_profile import ColumnProfile
from features.scaffold.role_inference import RoleGuess

FILL_IN = "FILL IN: none of the columns below seems to say it"
SHOWN = 60  # columns that are listed where one must be chosen


def quoted(text: str) -> str:
    """A text as TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def relative_path(file: Path, target: Path) -> str:
    """A file's path as TOML: from where the use case is, absolute where it is not below."""
    try:
        return quoted(str(file.resolve().relative_to(target.resolve().parent)))
    except ValueError:
        return quoted(str(file.resolve()))


def named(key: str, column: ColumnProfile | None) -> str:
    """A key with the column it seems to be, or to fill in."""
    return f'{key} = ""  # {FILL_IN}' if column is None else f"{key} = {quoted(column.name)}"


def or_too(column: ColumnProfile | None) -> str:
    """A comment that another column would do as well."""
    return "" if column is None else f"  # or {quoted(column.name)}: both would do"


def not_iso(moment: ColumnProfile | None) -> list[str]:
    """How a moment is written that is not in ISO form."""
    if moment is None or moment.written is None:
        return []
    other = "  # or %m and %d the other way round: both would do" if moment.day_month_ambiguous else ""
    return [f"timestamp_format = {quoted(moment.written)}{other}"]


def listed(guessed: RoleGuess) -> list[str]:
    """The columns to choose from, as comments."""
    kinds = {"moment": "dates", "number": "numbers", "text": "texts"}
    lines = [f"#   {quoted(each.name)}: {each.distinct:,} different {kinds[each.kind]}" for each in guessed.columns]
    return ["", "# The columns, by the first rows:", *lines[:SHOWN], *(["#   ..."] if len(lines) > SHOWN else [])]
