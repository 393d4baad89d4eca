"""How relevant people find each group: HOME/personas/NAME.json, 1 to 5 by code; nothing of a customer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from features.spec.atomic import write_file

FOLDER = "personas"
LEAST, USUAL, MOST = 1, 3, 5


class StoredPriorities(Struct, frozen=True):
    """Relevance by group's code."""

    relevance: dict[str, int]


_decode = msgspec.json.Decoder(StoredPriorities).decode  # looked up now: two threads that are the first crash msgspec


def read_priorities(home: Path, name: str) -> dict[str, int]:
    """The relevance that was given to groups; empty where none was, or the file is not one of ours."""
    try:
        return dict(_decode(_file(home, name).read_bytes()).relevance)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def posted_priorities(fields: Mapping[str, str], codes: Collection[str]) -> dict[str, int]:
    """The relevance that a form gives to groups; fields of other groups, and values that are none, are passed over."""
    given = {code: fields.get(f"relevance-{code}", "") for code in codes}
    return {code: int(text) for code, text in given.items() if text in map(str, range(LEAST, MOST + 1))}


def write_priorities(home: Path, name: str, relevance: Mapping[str, int]) -> None:
    """Keeps the relevance of groups.

    Raises:
        OSError: It cannot be written.
    """
    write_file(_file(home, name), msgspec.json.encode(StoredPriorities(dict(relevance)), order="sorted"))


def _file(home: Path, name: str) -> Path:
    return home / FOLDER / f"{name}.json"
