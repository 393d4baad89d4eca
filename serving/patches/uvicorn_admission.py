"""Refusals at the door: while there is too much to do, a call that must go is told so before anything is made of it.

What a refusal costs is taken from those who are let in. At the door no task is made, and nobody is asked for a key. The
edge refuses as well, in the same words, whatever is not plain here.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.admission.load_shedding import overloaded
from serving.edge.edge import CALLS, request_id
from serving.http.headers import cors_headers, guard_headers
from serving.http.reply import Headers
from serving.requests.body import declared_size
from serving.telemetry import metrics
from serving.worker.runtime import Runtime

_PATHS = {template.encode(): template for template in CALLS}
_begin = HttpToolsProtocol.on_headers_complete
_end = HttpToolsProtocol.on_message_complete


class _Over:
    """A request that was answered at the door, as uvicorn looks at one: what still comes of its body is dropped."""

    response_complete = True
    message_event = asyncio.Event()


def keep_the_door(runtime: Runtime) -> None:
    """From here on this process refuses at the door."""
    heads = {path: _heads(runtime, path) for path in CALLS}

    def on_headers_complete(protocol: HttpToolsProtocol) -> None:
        path = _PATHS.get(protocol.url)
        if path is None or not (runtime.strained and _plain(protocol)):
            _begin(protocol)
            return
        headers = dict(protocol.headers)
        if b"origin" in headers or b"expect" in headers or not runtime.turns_away(declared_size(headers)):
            _begin(protocol)
            return
        protocol.cycle = protocol.cycle or _Over()  # type: ignore[assignment]  # has what is asked of a cycle
        own = [*protocol.server_state.default_headers, *heads[path]]
        protocol.transport.write(_refusal(own, request_id(headers)))
        protocol.on_response_complete()
        runtime.registry.add(metrics.HTTP_REQUESTS, (path, "POST", "503"))

    def on_message_complete(protocol: HttpToolsProtocol) -> None:
        _end(protocol)
        if protocol.cycle.response_complete and protocol.timeout_keep_alive_task is None:
            _rest(protocol)

    # uvicorn makes a task of every whole head; a method of its protocol is the only place before that
    HttpToolsProtocol.on_headers_complete = on_headers_complete  # type: ignore[assignment, method-assign]  # see above
    HttpToolsProtocol.on_message_complete = on_message_complete  # type: ignore[assignment, method-assign]  # see above


def _plain(protocol: HttpToolsProtocol) -> bool:
    """Whether a request is a call by the last one's end, and the next may follow it."""
    free = protocol.cycle is None or protocol.cycle.response_complete
    return bool(free and protocol.parser.get_method() == b"POST" and protocol.parser.should_keep_alive())


def _rest(protocol: Any) -> None:
    """The connection rests, as after an answer: uvicorn forgets this where the body ends after its answer."""
    if not protocol.transport.is_closing():
        wait = protocol.timeout_keep_alive
        protocol.timeout_keep_alive_task = protocol.loop.call_later(wait, protocol.timeout_keep_alive_handler)


def _heads(runtime: Runtime, path: str) -> Headers:
    """Of every refusal."""
    reply = overloaded().reply("")
    cors = cors_headers({}, "POST", runtime.settings.cors_origins, {})
    return [*reply.headers, *guard_headers(reply, path), *cors, (b"content-type", reply.content_type)]


def _refusal(heads: Headers, identity: str) -> bytes:
    body = overloaded().reply(identity).body
    own = [(b"x-request-id", identity.encode()), (b"content-length", str(len(body)).encode())]
    lines = [b"HTTP/1.1 503 Service Unavailable", *(name + b": " + value for name, value in (*own, *heads))]
    return b"\r\n".join([*lines, b"", body])
