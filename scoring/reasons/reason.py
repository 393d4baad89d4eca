"""A reason as an answer gives it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta


class ReasonPart(TypedDict):
    """What one feature of a family adds by itself."""

    feature: str
    value: Any
    contribution: Annotated[float, Meta(description="Calibrated log-odds.", examples=[-0.81])]


class Reason(TypedDict):
    """What one family of features adds, in calibrated log-odds and in words.

    The sentence is of the feature that says most in the direction of the sum; code, feature and value are its own.
    """

    code: str
    feature: str
    value: Any
    contribution: Annotated[float, Meta(description="Calibrated log-odds, of all parts together.", examples=[-0.81])]
    direction: Literal["raises", "lowers"]
    favourable: bool
    text: Annotated[str, Meta(min_length=1, examples=["Last purchase 12 days ago"])]
    parts: Annotated[
        list[ReasonPart],
        Meta(
            description="The features of the family, the strongest first; they add up to the contribution. None are "
            "of the features that are never named."
        ),
    ]
