"""What can be wrong with a use case or with its data.

ValueError
├── UseCaseError   the use-case file asks for something that cannot be (exit 2)
└── DataError      the data broke its contract (exit 3)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class UseCaseError(ValueError):
    """The use-case file breaks one or more rules; each message names the key, the rule and what arrived."""

    def __init__(self, file: Path | str, broken: Sequence[str]) -> None:
        self.file = str(file)
        self.broken = tuple(broken)
        super().__init__(f"{self.file}: " + "; ".join(self.broken))


class DataError(ValueError):
    """The data broke its contract; the message names the file, the column and the rule, never a customer's value."""

    def __init__(self, file: Path | str, broken: Sequence[str]) -> None:
        self.file = str(file)
        self.broken = tuple(broken)
        super().__init__(f"{self.file}: " + "; ".join(self.broken))
