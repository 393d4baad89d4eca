"""An answer before it is sent: every answer of this server is whole in memory first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

JSON = b"application/json"
Headers = list[tuple[bytes, bytes]]
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Reply:
    """Status, headers in lower case, and the whole body."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: Headers = field(default_factory=list)


def json_reply(document: Any, *, status: int = 200, headers: Headers | None = None) -> Reply:
    """A document as JSON."""
    return Reply(status, _encode(document), JSON, headers or [])
