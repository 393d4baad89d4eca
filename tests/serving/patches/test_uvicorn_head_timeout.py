"""A connection that brings no whole head ends in time, and one that has ended is kept by nothing."""

from __future__ import annotations

import asyncio
import gc

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.patches import uvicorn_head_timeout
from tests.support.protocols import PATCHED, Made, serve_protocols

pytestmark = pytest.mark.parametrize("head", [b"", b"GET / HTTP/1.1\r\nX: a"], ids=["nothing", "a part"])


@pytest.fixture(autouse=True)
def _unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uvicorn's own methods are back after a test."""
    for name in PATCHED:
        monkeypatch.setattr(HttpToolsProtocol, name, getattr(HttpToolsProtocol, name))


def test_a_connection_that_has_ended_is_kept_by_nothing(head: bytes) -> None:
    """Those that come and go within the time that a head may take would else fill the memory."""
    uvicorn_head_timeout.install(3600.0, lambda: None)

    async def ask(port: int, made: Made) -> None:
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            writer.close()
        async with asyncio.timeout(20):
            while len(made) < 20 or _kept(made):
                await asyncio.sleep(0.05)

    serve_protocols(ask)


def test_a_connection_without_a_whole_head_is_ended(head: bytes) -> None:
    """It is closed without an answer."""
    uvicorn_head_timeout.install(0.05, lambda: None)

    async def ask(port: int, _: Made) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()

    serve_protocols(ask)


def _kept(made: Made) -> int:
    gc.collect()
    return sum(one() is not None for one in made)
