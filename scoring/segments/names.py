"""How an answer names a band and a customer's segment."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

Code = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$", description="Stable, whatever the language.")]


Level = Literal[1, 2, 3]


class Named(TypedDict):
    """A band or a segment, with what to do next where its use case or policy says so."""

    code: Code
    label: str
    action: NotRequired[Annotated[str, Meta(min_length=1, examples=["Call within two days"])]]


class SegmentPlace(Named):
    """The segment of a customer: the deepest of the exclusive ones, with the path to it and the overlapping ones."""

    level: NotRequired[Level]
    path: NotRequired[list[Named]]
    also: NotRequired[list[Named]]
