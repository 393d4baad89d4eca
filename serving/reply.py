"""An answer before it is sent: everything this server says is whole in memory first."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from serving.keys import Key
    from serving.live import Snapshot
    from serving.runtime import Runtime

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


@dataclass(slots=True)
class Visit:
    """One request from start to end: its id and the releases it sees, which do not change under it."""

    request_id: str
    runtime: Runtime
    snapshot: Snapshot
    key: Key | None = None  # whose call it is, where keys are asked for
    rows: int = 0  # profiles in the request, for the log


VISIT: contextvars.ContextVar[Visit] = contextvars.ContextVar("visit")


def json_reply(document: Any, *, status: int = 200, headers: Headers | None = None) -> Reply:
    """A document as JSON."""
    return Reply(status, _encode(document), JSON, headers or [])
