"""What a command around segments hands back, and how it says that its options do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


class UsageError(ValueError):
    """Options that do not go together."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command has to say: one document for --json, words for people, and the result as text."""

    document: object  # as JSON
    words: Sequence[str] = ()
    text: str = field(default="")
