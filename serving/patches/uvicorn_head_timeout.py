"""How long a head may take to arrive: no application is told of a request before its head is whole.

uvicorn closes connections that rest after an answer, and waits for ever for a first request or for the rest of a head.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_made = HttpToolsProtocol.connection_made


def end_those_without(seconds: float, connected: Callable[[], None]) -> None:
    """From here on a connection of this process ends that brings no whole head for so long; at most twice as long.

    Each connection that is made is told to `connected`.

    A request that is being read or answered has other limits, and one that rests after an answer has uvicorn's.
    """

    def connection_made(protocol: HttpToolsProtocol, transport: Any) -> None:
        _made(protocol, transport)
        connected()
        protocol.loop.call_later(seconds, look, protocol, None)

    def look(protocol: HttpToolsProtocol, before: Any) -> None:
        """Looks whether a connection has begun or ended a request since the last look."""
        if protocol.transport.is_closing():
            return
        last = protocol.cycle
        begun = last is not None and not last.response_complete
        if begun or last is not before or protocol.timeout_keep_alive_task is not None:
            protocol.loop.call_later(seconds, look, protocol, last)
        else:
            protocol.transport.close()

    HttpToolsProtocol.connection_made = connection_made  # type: ignore[assignment, method-assign]  # it has no hook
