"""A reason as an answer gives it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta


class Reason(TypedDict):
    """What one feature adds, in calibrated log-odds and in words."""

    code: str
    feature: str
    value: Any
    contribution: Annotated[float, Meta(description="Calibrated log-odds.", examples=[-0.81])]
    direction: Literal["raises", "lowers"]
    favourable: bool
    text: Annotated[str, Meta(min_length=1, examples=["Last purchase 12 days ago"])]
