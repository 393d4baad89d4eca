"""An answer's head leaves with the first bytes of its body: each write is a call of the kernel, and wakes the caller.

Of what a posted row costs, two writes were a fifth.

Stock behaviour: uvicorn writes a head as soon as it is known, and the body after it.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from serving.patches.seam import Seam

SEAM = Seam(
    "uvicorn 0.54.0",
    RequestResponseCycle,
    {"send": ("message",)},
    frozenset({"close", "response_started", "transport", "write"}),
)
_send = RequestResponseCycle.send


class _Joining:
    """A connection's transport that keeps the first bytes it is given until there are more, or no more to come."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self._joined = False

    def write(self, data: bytes) -> None:
        """Keeps the first bytes, and writes them together with the second; what comes later at once."""
        if self._joined:
            self._transport.write(data)
        elif self._head is None:
            self._head = data
        else:
            self._transport.write(self._head + data)
            self._joined = True

    def flush(self) -> None:
        """Writes what is kept, with nothing more to come."""
        if self._head is not None and not self._joined:
            self.write(b"")

    def close(self) -> None:
        """Writes what is kept, and closes."""
        self.flush()
        self._transport.close()


def install() -> None:
    """From here on each answer of this process begins with one write."""

    async def send(cycle: Any, message: Any) -> None:
        if not cycle.response_started:
            cycle.transport = _Joining(cycle.transport)
            await _send(cycle, message)
            return
        await _send(cycle, message)
        cycle.transport.flush()  # where there is no body

    if SEAM.fits(__name__):
        RequestResponseCycle.send = send  # type: ignore[assignment, method-assign]  # it has no hook
