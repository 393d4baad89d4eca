"""What a feature table is made from, as digests: the same three mean the same table."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from features.config.use_case import UseCase
from features.sources.source import digest

_sections = ("events", "table", "profiles")


def input_digest(use_case: UseCase) -> str:
    """The sha256 of the bytes of every file that a use case reads, accepted links too."""
    sections = [section for name in _sections if (section := getattr(use_case, name)) is not None]
    links = [use_case.events.links] if use_case.events and use_case.events.links else []
    return digest(*(section.path for section in sections), *links)


def config_digest(use_case: UseCase) -> str:
    """The sha256 of the use case as it was understood; a source's folder does not count, its bytes do elsewhere."""
    stated = use_case.model_dump(mode="json")
    for section in (stated[name] for name in _sections if stated.get(name)):
        section |= {key: Path(section[key]).name for key in ("path", "links") if section.get(key)}
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


@cache
def code_digest() -> str:
    """The sha256 of this package's sources; read once, as the code was."""
    whole = hashlib.sha256()
    root = Path(__file__).resolve().parents[1]
    for path in sorted(root.rglob("*.py")):
        whole.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()
