"""What a command of campaigns hands back."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Done:
    """What a command has to say."""

    document: object
    lines: list[str]

    def as_json(self) -> str:
        """The document."""
        return msgspec.json.encode(self.document).decode()
