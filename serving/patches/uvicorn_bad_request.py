"""What is said to bytes that are no HTTP request: uvicorn's parser refuses them before any application is asked."""

from __future__ import annotations

import uuid

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.http.problems import BAD_REQUEST, MEDIA_TYPE, Problem


def refuse_in_our_words() -> None:
    """From here on this process answers such bytes with a problem document, where uvicorn has a line of plain text."""
    HttpToolsProtocol.send_400_response = _refuse  # type: ignore[assignment, method-assign]  # it has no hook


def _refuse(protocol: HttpToolsProtocol, _message: str) -> None:
    request_id = uuid.uuid4().hex
    reply = Problem(BAD_REQUEST, "The bytes received are no HTTP/1.1 request.").reply(request_id)
    heads = (
        b"HTTP/1.1 400 Bad Request",
        b"content-type: " + MEDIA_TYPE,
        b"content-length: " + str(len(reply.body)).encode(),
        b"x-request-id: " + request_id.encode(),
        b"x-content-type-options: nosniff",
        b"connection: close",
    )
    protocol.transport.write(b"\r\n".join((*heads, b"", reply.body)))
    protocol.transport.close()
