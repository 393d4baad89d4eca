"""Requests that BentoML's own application answers: pages, documents, and calls where the shortcut is off."""

from __future__ import annotations

from serving.edge.asgi import App, Scope, length_header
from serving.http.problems import FAILED, KINDS, MEDIA_TYPE, Problem, ProblemKind
from serving.http.reply import Reply
from serving.requests.body import AsgiMessage

_OWN_HEADERS = (b"content-length", b"content-type", b"server", b"date", b"transfer-encoding", b"content-encoding")
_OURS = (MEDIA_TYPE, b"text/html; charset=utf-8")


async def forward(inner: App, scope: Scope, body: bytes = b"", media_type: bytes | None = None) -> Reply:
    """BentoML's whole answer; its errors, which are of many shapes, become problems.

    Raises:
        Problem: BentoML answered with an error that is none of ours.
    """
    kept = [(name, value) for name, value in scope["headers"] if name not in _OWN_HEADERS]
    own = [(b"content-type", media_type)] if media_type else []
    scope = {**scope, "raw_path": scope["path"].encode(), "headers": [*kept, *own, length_header(body)]}
    reply = Reply(500)
    given = False

    async def receive() -> AsgiMessage:
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def collect(message: AsgiMessage) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower(), value) for name, value in message.get("headers", [])]
            reply.status = message["status"]
            reply.content_type = dict(headers).get(b"content-type", b"application/octet-stream")
            reply.headers = [pair for pair in headers if pair[0] not in _OWN_HEADERS]
        elif message["type"] == "http.response.body":
            reply.body += message.get("body", b"")

    await inner(scope, receive, collect)
    if reply.status >= 400 and reply.content_type not in _OURS:
        raise Problem(_kind_of(reply.status), "The request could not be answered.")
    return reply


def _kind_of(status: int) -> ProblemKind:
    return next((kind for kind in KINDS if kind.status == status), FAILED)
