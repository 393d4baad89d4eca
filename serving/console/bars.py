"""Reasons as signed bars in a fixed drawing: to the right where a reason raises, to the left where it lowers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 240  # units of the drawing; the axis stands in the middle


@dataclass(frozen=True, slots=True)
class Bar:
    """One reason, drawn."""

    text: str
    contribution: float
    raises: bool
    favourable: bool
    x: float  # left edge
    length: float


def bars(reasons: Sequence[dict[str, Any]]) -> list[Bar]:
    """One bar a reason, the longest filling its half.

    >>> [(bar.x, bar.length) for bar in bars([
    ...     {"text": "a", "contribution": 2.0, "direction": "raises", "favourable": True},
    ...     {"text": "b", "contribution": -1.0, "direction": "lowers", "favourable": False}])]
    [(120.0, 120.0), (60.0, 60.0)]
    """
    longest = max((abs(reason["contribution"]) for reason in reasons), default=0.0) or 1.0
    drawn = []
    for reason in reasons:
        length = round(WIDTH / 2 * abs(reason["contribution"]) / longest, 1)
        raises = reason["direction"] == "raises"
        left = WIDTH / 2 if raises else WIDTH / 2 - length
        drawn.append(Bar(reason["text"], reason["contribution"], raises, reason["favourable"], left, length))
    return drawn
