"""Early rejection: during an overload a call that cannot be admitted is answered before anything is made of it.

What a rejection costs is taken from the calls that are admitted. Here no task is made and no key is looked up. The edge
rejects as well, with the same answer, whatever is not plain here.

Stock behaviour: every request becomes a task and goes to the edge.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.admission.load_shedding import overloaded
from serving.edge.edge import HANDLERS, request_id
from serving.http.headers import cors_headers, guard_headers
from serving.http.reply import Headers
from serving.patches.seam import Seam
from serving.requests.body import declared_size
from serving.telemetry import metrics
from serving.worker.runtime import Runtime

SEAM = Seam(
    "uvicorn 0.54.0",
    HttpToolsProtocol,
    {
        "on_headers_complete": (),
        "on_message_complete": (),
        "on_response_complete": (),
        "timeout_keep_alive_handler": (),
    },
    frozenset(
        {
            "cycle",
            "default_headers",
            "headers",
            "loop",
            "parser",
            "response_complete",
            "scope",
            "server_state",
            "timeout_keep_alive",
            "timeout_keep_alive_task",
            "transport",
            "url",
        }
    ),
)
_PATHS = {template.encode(): template for template in HANDLERS}
_on_headers_complete = HttpToolsProtocol.on_headers_complete
_on_message_complete = HttpToolsProtocol.on_message_complete


class _Answered:
    """A request that was rejected here, as uvicorn looks at one: what still comes of its body is dropped."""

    response_complete = True
    message_event = asyncio.Event()


def install(runtime: Runtime) -> None:
    """From here on this process rejects early."""
    headers_of = {path: _rejection_headers(runtime, path) for path in HANDLERS}

    def on_headers_complete(protocol: HttpToolsProtocol) -> None:
        path = _PATHS.get(protocol.url)
        if path is None or not (runtime.sheds_early and _plain(protocol)):
            _on_headers_complete(protocol)
            return
        headers = dict(protocol.headers)
        if b"origin" in headers or b"expect" in headers or not runtime.rejects(declared_size(headers)):
            _on_headers_complete(protocol)
            return
        protocol.scope["method"] = "POST"  # as after every whole head
        protocol.cycle = protocol.cycle or _Answered()  # type: ignore[assignment]  # has what is asked of a cycle
        own = [*protocol.server_state.default_headers, *headers_of[path]]
        protocol.transport.write(_rejection(own, request_id(headers)))
        protocol.on_response_complete()
        runtime.registry.add(metrics.HTTP_REQUESTS, (path, "POST", "503"))

    def on_message_complete(protocol: HttpToolsProtocol) -> None:
        _on_message_complete(protocol)
        if protocol.cycle.response_complete and protocol.timeout_keep_alive_task is None:
            _keep_alive(protocol)

    if SEAM.fits(__name__):
        # uvicorn makes a task of every whole head; a method of its protocol is the only place before that
        HttpToolsProtocol.on_headers_complete = on_headers_complete  # type: ignore[assignment, method-assign]  # see above
        HttpToolsProtocol.on_message_complete = on_message_complete  # type: ignore[assignment, method-assign]  # see above


def _plain(protocol: HttpToolsProtocol) -> bool:
    """Whether a request is a call after the last one's end, and the next may follow it."""
    free = protocol.cycle is None or protocol.cycle.response_complete
    return bool(free and protocol.parser.get_method() == b"POST" and protocol.parser.should_keep_alive())


def _keep_alive(protocol: Any) -> None:
    """Starts the timeout of an idle connection, as after an answer: uvicorn does not where the body ends after it."""
    if not protocol.transport.is_closing():
        wait = protocol.timeout_keep_alive
        protocol.timeout_keep_alive_task = protocol.loop.call_later(wait, protocol.timeout_keep_alive_handler)


def _rejection_headers(runtime: Runtime, path: str) -> Headers:
    """Those of every rejection."""
    reply = overloaded().reply("")
    cors = cors_headers({}, "POST", runtime.settings.cors_origins, {})
    return [*reply.headers, *guard_headers(reply, path), *cors, (b"content-type", reply.content_type)]


def _rejection(headers: Headers, identity: str) -> bytes:
    body = overloaded().reply(identity).body
    own = [(b"x-request-id", identity.encode()), (b"content-length", str(len(body)).encode())]
    lines = [b"HTTP/1.1 503 Service Unavailable", *(name + b": " + value for name, value in (*own, *headers))]
    return b"\r\n".join([*lines, b"", body])
