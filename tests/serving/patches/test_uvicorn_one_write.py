"""An answer leaves in one write, and is the same bytes as in two."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from serving.patches import uvicorn_one_write
from tests.support.protocols import Made, serve_protocols

BODY = b"x" * 300
BODIES: dict[str, list[dict[str, Any]]] = {
    "whole": [{"body": BODY}],
    "in parts": [{"body": BODY, "more_body": True}, {"body": b"y", "more_body": True}, {"body": b""}],
    "empty": [{"body": b""}],
    "never": [],
}


@pytest.fixture(autouse=True)
def _unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uvicorn's own method is back after a test."""
    monkeypatch.setattr(RequestResponseCycle, "send", RequestResponseCycle.send)


def answering(bodies: list[dict[str, Any]], status: int) -> Any:
    """An application that answers so."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"x-some", b"thing")]})
        for body in bodies:
            await send({"type": "http.response.body", **body})

    return application


def answers(head: bytes, application: Any) -> bytes:
    """All that a server sends until it closes the connection, but for the moment it names."""
    got: list[bytes] = []

    async def ask(port: int, _: Made) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        async with asyncio.timeout(20):
            got.append(await reader.read())
        writer.close()

    serve_protocols(ask, application)
    return re.sub(rb"date: [^\r]*", b"date", got[0])


@pytest.mark.parametrize("status", [200, 204, 304, 422])
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
@pytest.mark.parametrize("bodies", BODIES.values(), ids=BODIES)
def test_what_arrives_is_the_same(bodies: list[dict[str, Any]], method: bytes, status: int) -> None:
    """Whole, in parts, empty or never ended; a second answer on the same connection too."""
    first = method + b" / HTTP/1.1\r\nHost: a\r\n\r\n"
    last = method + b" / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    application = answering(bodies, status)
    stock = answers(first + last, application)

    uvicorn_one_write.install()

    assert answers(first + last, application) == stock


def test_head_and_body_leave_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """One write an answer; each further part of a body has its own."""
    writes: list[bytes] = []
    stock = uvicorn_one_write._Joining.__init__

    class Counting:
        def __init__(self, transport: Any) -> None:
            self.close = transport.close
            self._write: Callable[[bytes], None] = transport.write

        def write(self, data: bytes) -> None:
            writes.append(data)
            self._write(data)

    monkeypatch.setattr(
        uvicorn_one_write._Joining, "__init__", lambda joining, transport: stock(joining, Counting(transport))
    )
    uvicorn_one_write.install()

    answers(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", answering(BODIES["in parts"], 200))

    assert len(writes) == 3
    assert writes[0].startswith(b"HTTP/1.1 200 OK")
    assert BODY in writes[0]
