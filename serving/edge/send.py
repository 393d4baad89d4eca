"""An answer on its way out: security headers, compression, and the one send of its whole body."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping

from serving.edge.asgi import Scope, Send, length_header
from serving.http.headers import cors_headers, guard_headers
from serving.http.reply import Reply
from serving.worker.request_context import RequestContext

_COMPRESS_FROM = 1024  # bytes


async def send_reply(
    reply: Reply, scope: Scope, headers: Mapping[bytes, bytes], context: RequestContext, template: str, send: Send
) -> None:
    """Sends a reply, compressed where it is large and the caller takes gzip."""
    body = reply.body
    sent = [(b"x-request-id", context.request_id.encode()), *reply.headers, *guard_headers(reply, template)]
    sent += cors_headers(headers, scope["method"], context.runtime.settings.cors_origins, dict(reply.headers))
    if len(body) >= _COMPRESS_FROM and _takes_gzip(headers):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        sent.append((b"content-encoding", b"gzip"))
    if len(reply.body) >= _COMPRESS_FROM:
        sent.append((b"vary", b"accept-encoding"))
    if reply.status not in (204, 304):
        sent += [(b"content-type", reply.content_type), length_header(body)]
    await send({"type": "http.response.start", "status": reply.status, "headers": sent})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def not_modified(reply: Reply, headers: Mapping[bytes, bytes]) -> Reply:
    """304 without a body where the caller has the same bytes already."""
    tag = dict(reply.headers).get(b"etag")
    known = {part.strip() for part in headers.get(b"if-none-match", b"").split(b",")}
    if tag and reply.status == 200 and (tag in known or b"*" in known):
        return Reply(304, headers=reply.headers)
    return reply


def _takes_gzip(headers: Mapping[bytes, bytes]) -> bool:
    for part in headers.get(b"accept-encoding", b"").lower().split(b","):
        name, *parameters = (piece.strip() for piece in part.split(b";"))
        if name in (b"gzip", b"*"):
            return not any(re.fullmatch(rb"q=0(\.0*)?", parameter) for parameter in parameters)
    return False
