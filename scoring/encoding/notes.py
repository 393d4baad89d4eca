"""What is wrong with something posted, or worth a warning."""

from __future__ import annotations

from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta


class Note(TypedDict):
    """A broken rule or a warning; never a customer's value."""

    code: str
    detail: str
    feature: NotRequired[str]
    field: NotRequired[str]
    pointer: NotRequired[
        Annotated[
            str,
            Meta(
                description="Where in the request, as a JSON pointer (RFC 6901).",
                examples=["/profiles/3/features/purchases_90d"],
            ),
        ]
    ]
    line: NotRequired[Annotated[int, Meta(ge=1, description="Of a body that is not JSON, with `column` and `byte`.")]]
    column: NotRequired[Annotated[int, Meta(ge=1)]]
    byte: NotRequired[Annotated[int, Meta(ge=0)]]
