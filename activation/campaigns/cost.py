"""What contacts cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What contacting a customer costs."""

    contact: float
    currency: str | None = None
