"""A server of bare uvicorn protocols in this process, as the patches change them, without a worker."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

PATCHED = ("connection_made", "connection_lost", "data_received")


class Counted(HttpToolsProtocol):
    """A connection that counts what is read of it."""

    read = 0

    def data_received(self, data: bytes) -> None:
        """Counts, and does what the protocol does."""
        self.read += len(data)
        super().data_received(data)


Made = list["weakref.ref[Counted]"]


async def no_application(_scope: Any, _receive: Any, _send: Any) -> None:
    """For heads that never become whole."""
    raise AssertionError("no head becomes whole here")


def serve_protocols(ask: Callable[[int, Made], Awaitable[None]], application: Any = no_application) -> None:
    """Asks such a server by its port, on uvloop as in a worker; each connection it makes is put into a list.

    In a thread of its own: a browser's driver may have left a loop running in this one.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(uvloop.run, _served(ask, application)).result()


async def _served(ask: Callable[[int, Made], Awaitable[None]], application: Any) -> None:
    config = uvicorn.Config(application, http="httptools", log_config=None)
    config.load()
    state, made = ServerState(), Made()

    def connection() -> Counted:
        protocol = Counted(config, state, {})
        made.append(weakref.ref(protocol))
        return protocol

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    async with server:
        await ask(server.sockets[0].getsockname()[1], made)
