"""The answer to bytes that are no HTTP request: uvicorn's parser rejects them before any application is called.

Stock behaviour: a 400 of one line of plain text.
"""

from __future__ import annotations

import uuid

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.http.problems import BAD_REQUEST, MEDIA_TYPE, Problem
from serving.patches.seam import Seam

SEAM = Seam("uvicorn 0.54.0", HttpToolsProtocol, {"send_400_response": ("msg",)}, frozenset({"transport"}))


def install() -> None:
    """From here on this process answers such bytes with a problem document."""
    if SEAM.fits(__name__):
        HttpToolsProtocol.send_400_response = _send_problem  # type: ignore[assignment, method-assign]  # it has no hook


def _send_problem(protocol: HttpToolsProtocol, msg: str) -> None:  # noqa: ARG001 as uvicorn calls it
    request_id = uuid.uuid4().hex
    reply = Problem(BAD_REQUEST, "The bytes received are no HTTP/1.1 request.").reply(request_id)
    headers = (
        b"HTTP/1.1 400 Bad Request",
        b"content-type: " + MEDIA_TYPE,
        b"content-length: " + str(len(reply.body)).encode(),
        b"x-request-id: " + request_id.encode(),
        b"x-content-type-options: nosniff",
        b"connection: close",
    )
    protocol.transport.write(b"\r\n".join((*headers, b"", reply.body)))
    protocol.transport.close()
