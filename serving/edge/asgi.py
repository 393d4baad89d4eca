"""The types of ASGI, and what every message of a body needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from serving.requests.body import Receive

Scope = MutableMapping[str, Any]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def length_header(body: bytes) -> tuple[bytes, bytes]:
    """The header that says how long a body is."""
    return (b"content-length", str(len(body)).encode())
