"""How long a request's head may take to arrive: no application learns of a request before its head is whole.

Stock behaviour: uvicorn closes connections that are idle after an answer, and waits for ever for a first request or for
the rest of a head.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.patches.seam import Seam

SEAM = Seam(
    "uvicorn 0.54.0",
    HttpToolsProtocol,
    {"connection_made": ("transport",), "connection_lost": ("exc",)},
    frozenset({"cycle", "loop", "response_complete", "timeout_keep_alive_task", "transport"}),
)
_connection_made = HttpToolsProtocol.connection_made
_connection_lost = HttpToolsProtocol.connection_lost


def install(seconds: float, connected: Callable[[], None]) -> None:
    """From here on a connection of this process ends that brings no whole head for so long; at most twice as long.

    Each new connection is reported by `connected`. A request that is being read or answered has other limits, and a
    connection that is idle after an answer has uvicorn's.
    """

    def connection_made(protocol: Any, transport: Any) -> None:
        _connection_made(protocol, transport)
        connected()
        look_later(protocol, None)

    def connection_lost(protocol: Any, exc: Exception | None) -> None:
        protocol.penchant_next_look.cancel()  # else it would keep what is left of the connection until then
        _connection_lost(protocol, exc)

    def look_later(protocol: Any, before: Any) -> None:
        protocol.penchant_next_look = protocol.loop.call_later(seconds, look, protocol, before)

    def look(protocol: Any, before: Any) -> None:
        """Looks whether a connection has begun or ended a request since the last look."""
        if protocol.transport.is_closing():
            return
        last = protocol.cycle
        begun = last is not None and not last.response_complete
        if begun or last is not before or protocol.timeout_keep_alive_task is not None:
            look_later(protocol, last)
        else:
            protocol.transport.close()

    if SEAM.fits(__name__):
        HttpToolsProtocol.connection_made = connection_made  # type: ignore[assignment, method-assign]  # it has no hook
        HttpToolsProtocol.connection_lost = connection_lost  # type: ignore[assignment, method-assign]  # it has no hook
