"""The types of ASGI, and what every message of a body needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from serving.requests.body import AsgiMessage, Receive

Scope = AsgiMessage
Send = Callable[[AsgiMessage], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def length_header(body: bytes) -> tuple[bytes, bytes]:
    """The header that says how long a body is."""
    return (b"content-length", str(len(body)).encode())
