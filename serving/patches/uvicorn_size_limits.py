"""How many bytes a connection may bring that are no part of a body somebody reads: a head, trailers, what is refused.

A parser keeps a head until it is whole, and copies it each time more of it comes: an endless one fills the memory and
holds up everybody. Bytes are fed to it in pieces, and after each it is seen what they were. Who brings too many is not
cut off at once, which would invite the next attempt, but read no further.

Stock behaviour: heads, trailers and the rest of a refused body are read for as long as they come.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.http.problems import HEAD_TOO_LARGE, MEDIA_TYPE, Problem
from serving.patches.seam import Seam

SEAM = Seam(
    "uvicorn 0.54.0",
    HttpToolsProtocol,
    {"data_received": ("data",)},
    frozenset({"body", "cycle", "loop", "parser", "response_complete", "scope", "transport"}),
)
HEAD_BYTES = 64 * 1024  # of a request line and headers, or of trailers
_PIECE = 4096  # bytes of a head fed at a time: by so much more than HEAD_BYTES a head may be admitted
_BODY_PIECE = 64 * 1024
LINGER_SECONDS = 1.0  # in which a refused caller may still read why, and cannot begin anew on this connection
_HEAD, _BODY, _REST, _REFUSED = range(4)
_data_received = HttpToolsProtocol.data_received


@dataclass(slots=True)
class _Counted:
    """What a connection has brought of late: of which request, as which part of it, and how much."""

    scope: Any = None
    part: int = _HEAD
    size: int = 0

    def add(self, scope: Any, part: int, size: int) -> int:
        """The bytes of this part of this request, these included."""
        if scope is not self.scope or part != self.part:
            self.scope, self.part, self.size = scope, part, 0
        self.size += size
        return self.size


def install(rest_bytes: int) -> None:
    """From here on this process counts: a head past HEAD_BYTES is a 431, and a connection ends that goes on too long.

    Of a body that is refused `rest_bytes` are dropped after the answer, so that its sender can read it.
    """
    limits = {_HEAD: HEAD_BYTES, _BODY: HEAD_BYTES, _REST: rest_bytes}

    def data_received(protocol: Any, data: bytes) -> None:
        counted = protocol.__dict__.setdefault("penchant_counted", _Counted())
        if counted.part == _REFUSED:
            protocol.transport.pause_reading()  # uvicorn has resumed it, for a request before
            return
        while data and not protocol.transport.is_closing():
            cycle, whole = protocol.cycle, _in_body(protocol)
            before = len(cycle.body) if whole and not cycle.response_complete else 0
            size = _BODY_PIECE if whole else _PIECE
            piece, data = (data, b"") if len(data) <= size else (data[:size], data[size:])
            _data_received(protocol, piece)
            part = _part(protocol)
            if part == _BODY and protocol.cycle is cycle and len(cycle.body) > before:
                counted.size = 0  # somebody reads it, within the edge's own limits
            elif counted.add(protocol.scope, part, len(piece)) > limits[part]:
                _refuse(protocol, counted)
                return

    if SEAM.fits(__name__):
        HttpToolsProtocol.data_received = data_received  # type: ignore[assignment, method-assign]  # it has no hook


def _in_body(protocol: Any) -> bool:
    """Whether a request's head has come, and the request may go on."""
    return protocol.scope is not None and "method" in protocol.scope and protocol.cycle is not None


def _part(protocol: Any) -> int:
    """What the connection is in the middle of."""
    if not _in_body(protocol):
        return _HEAD
    return _REST if protocol.cycle.response_complete else _BODY


def _refuse(protocol: Any, counted: _Counted) -> None:
    """Reads no more of a connection and ends it soon; says why where no answer is under way that this would get into.

    A caller who begins anew as soon as a connection ends would otherwise be as costly as hundreds. One that has an
    answer after which more may be asked is ended at once: it must not take another request meanwhile.
    """
    idle = protocol.cycle is None or protocol.cycle.response_complete
    if counted.part == _REST or not (idle or counted.part == _BODY):
        protocol.transport.close()
        return
    if counted.part == _HEAD:
        protocol.transport.write(_answer())
    counted.part = _REFUSED
    protocol.parser = None  # with all that it kept
    protocol.transport.pause_reading()
    protocol.loop.call_later(LINGER_SECONDS, protocol.transport.close)


def _answer() -> bytes:
    request_id = uuid.uuid4().hex
    problem = Problem(HEAD_TOO_LARGE, f"A request's head must be at most {HEAD_BYTES} bytes.").reply(request_id)
    headers = (
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"content-type: " + MEDIA_TYPE,
        b"content-length: " + str(len(problem.body)).encode(),
        b"x-request-id: " + request_id.encode(),
        b"x-content-type-options: nosniff",
        b"connection: close",
    )
    return b"\r\n".join((*headers, b"", problem.body))
