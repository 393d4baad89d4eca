"""The edge: the outermost layer of every worker, through which each request comes in and each byte goes out."""

from __future__ import annotations

import gzip
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import nullcontext
from typing import Any

from serving.api import handlers as calls
from serving.api import probes
from serving.auth import login
from serving.auth.gate import CONSOLE
from serving.console.pages.problem_page import trouble, wants_page
from serving.edge.routes import ERASE, EXPLANATIONS, EXPORT, SCORES, UNMATCHED, Route, find
from serving.http.headers import cors_headers, guard_headers
from serving.http.problems import FAILED, METHOD, NOT_FOUND, Kind, Problem
from serving.http.problems import KINDS as PROBLEM_KINDS
from serving.http.problems import MEDIA_TYPE as PROBLEM_TYPE
from serving.http.reply import Reply
from serving.requests.body import (
    BodyBudget,
    BodyShare,
    ClientLeftError,
    Receive,
    check_media_type,
    declared_size,
    read_body,
)
from serving.requests.fast_decode import read_block
from serving.requests.models import customers_request, explanation_request, scores_request
from serving.requests.strict_json import decode
from serving.telemetry import logs, metrics
from serving.worker.request_context import CONTEXT, RequestContext
from serving.worker.runtime import Runtime

Scope = MutableMapping[str, Any]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COMPRESS_FROM = 1024  # bytes
_OWN_HEADERS = (b"content-length", b"content-type", b"server", b"date", b"transfer-encoding", b"content-encoding")
CALLS = {
    SCORES: calls.answer_scores,
    EXPLANATIONS: calls.answer_explanations,
    EXPORT: calls.answer_export,
    ERASE: calls.answer_erase,
}
_SHAPES: dict[str, Callable[[Any], object]] = {
    SCORES: scores_request,
    EXPLANATIONS: explanation_request,
    EXPORT: customers_request,
    ERASE: customers_request,
}
_PROBES = {"/livez": probes.livez, "/readyz": probes.readyz, "/metrics": probes.metrics_page}


class Edge:
    """Wraps BentoML's whole application.

    It reads and decodes every body once, answers the probes and, unless told otherwise, the two POST routes itself;
    everything else goes on to BentoML, whose answers are held until they are whole.
    """

    def __init__(self, inner: App, runtime: Runtime) -> None:
        self._inner = inner
        self._runtime = runtime
        self._room = BodyBudget(runtime.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's event: a request, the start and end of the worker, or a web socket, which is refused."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._lifespan(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the worker; it takes its first connection when it knows what it serves.

        Else a worker that replaces a dead one would answer 503 beside others that are ready.
        """

        async def announce(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self._runtime.first_look()
            await send(message)

        with self._runtime.running():
            await self._inner(scope, receive, announce)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        context = RequestContext(request_id(headers), self._runtime, self._runtime.snapshot)
        found = find(scope["path"])
        template = found[0].template if found else UNMATCHED
        token = CONTEXT.set(context)
        try:
            reply = await self._reply(found, scope, headers, receive, context)
        except Problem as problem:
            person = wants_page(headers, scope["path"])
            reply = trouble(headers, problem) if person else problem.reply(context.request_id)
        except ClientLeftError:
            self._count(scope, template, 499, started, context)
            return
        except Exception as error:
            logs.say(
                "request_failed", level="error", request_id=context.request_id, route=template, **logs.fault(error)
            )
            reply = Problem(FAILED, "The fault is in the log, under the request id.").reply(context.request_id)
        finally:
            CONTEXT.reset(token)
        await _send(reply, scope, headers, context, template, send)
        self._count(scope, template, reply.status, started, context)

    async def _reply(
        self,
        found: tuple[Route, str] | None,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        context: RequestContext,
    ) -> Reply:
        if found is None:
            raise Problem(NOT_FOUND, "No route has this path; /openapi.json names them all.")
        route, path = found
        method = scope["method"]
        allow = [(b"allow", ", ".join(route.methods).encode())]
        if method == "OPTIONS":
            return Reply(204, headers=allow)
        if method not in route.methods:
            raise Problem(METHOD, f"The methods here are {', '.join(route.methods)}.", headers=allow)
        gate, server = self._runtime.gate, scope.get("server")
        if route.needs == CONSOLE:
            context.key, known = gate.admit_browser(headers, server)
            if not known:
                return login.to_sign_in()
        else:
            context.key = gate.admit(route.needs, headers, server)
        if route.template in _PROBES:
            return _PROBES[route.template](context)
        if route.template == login.SIGN_IN and method != "POST":
            return login.form(headers)
        if method != "POST":
            return _not_modified(await self._forward({**scope, "path": path}, b"", []), headers)
        check_media_type(headers, route.accepts)
        if route.template in CALLS:
            self._runtime.expect(declared_size(headers))
        share = BodyShare(self._room)
        try:
            body = await read_body(headers, receive, self._runtime.settings, share)
            return await self._posted(route, path, scope, headers, body, context)
        finally:
            share.end()

    async def _posted(
        self,
        route: Route,
        path: str,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        body: bytes,
        context: RequestContext,
    ) -> Reply:
        """The answer to a body that has arrived whole."""
        if route.template == login.SIGN_IN:
            return login.enter(self._runtime.gate, headers, body, secure=scope.get("scheme") == "https")
        if route.template not in CALLS:
            return await self._forward({**scope, "path": path}, body, [(b"content-type", route.accepts)])
        context.place = self._runtime.place(len(body))
        async with context.place or nullcontext():
            if self._runtime.settings.shortcut:
                block = read_block(body, context.snapshot.served) if route.template == SCORES else None
                return await CALLS[route.template](block or decode(body), context)
            decoded = decode(body)
            _SHAPES[route.template](decoded)  # BentoML's own checks would coerce, and repeat what was posted
            if context.place:
                context.place.rest()
            return await self._forward({**scope, "path": path}, body, [(b"content-type", route.accepts)])

    async def _forward(self, scope: Scope, body: bytes, own: list[tuple[bytes, bytes]]) -> Reply:
        """BentoML's answer, whole; its errors, which are of many shapes, become problems."""
        kept = [(name, value) for name, value in scope["headers"] if name not in _OWN_HEADERS]
        scope = {**scope, "raw_path": scope["path"].encode(), "headers": [*kept, *own, _length(body)]}
        reply = Reply(500)
        given = False

        async def receive() -> dict[str, Any]:
            nonlocal given
            if given:
                return {"type": "http.disconnect"}
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def collect(message: Any) -> None:
            if message["type"] == "http.response.start":
                heads = [(name.lower(), value) for name, value in message.get("headers", [])]
                reply.status = message["status"]
                reply.content_type = dict(heads).get(b"content-type", b"application/octet-stream")
                reply.headers = [pair for pair in heads if pair[0] not in _OWN_HEADERS]
            elif message["type"] == "http.response.body":
                reply.body += message.get("body", b"")

        await self._inner(scope, receive, collect)
        ours = (PROBLEM_TYPE, b"text/html; charset=utf-8")
        if reply.status >= 400 and reply.content_type not in ours:
            raise Problem(_kind_of(reply.status), "The request could not be answered.")
        return reply

    def _count(self, scope: Scope, template: str, status: int, started: float, context: RequestContext) -> None:
        known = template != UNMATCHED and scope["method"] in ("GET", "HEAD", "POST", "OPTIONS")
        method = scope["method"] if known else "(any)"
        self._runtime.registry.add(metrics.HTTP_REQUESTS, (template, method, str(status)))
        if self._runtime.settings.access_log:
            milliseconds = round(1000 * (time.perf_counter() - started), 3)
            logs.say(
                "request",
                request_id=context.request_id,
                route=template,
                method=method,
                status=status,
                milliseconds=milliseconds,
                rows=context.rows,
                **({"key": context.key.name} if context.key else {}),
            )


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """The caller's own id where it is a plain one, else a new one."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _not_modified(reply: Reply, headers: Mapping[bytes, bytes]) -> Reply:
    """304 without a body where the caller holds the same bytes already."""
    tag = dict(reply.headers).get(b"etag")
    held = {part.strip() for part in headers.get(b"if-none-match", b"").split(b",")}
    if tag and reply.status == 200 and (tag in held or b"*" in held):
        return Reply(304, headers=reply.headers)
    return reply


def _kind_of(status: int) -> Kind:
    return next((kind for kind in PROBLEM_KINDS if kind.status == status), FAILED)


def _length(body: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", str(len(body)).encode())


async def _send(
    reply: Reply, scope: Scope, headers: Mapping[bytes, bytes], context: RequestContext, template: str, send: Send
) -> None:
    body = reply.body
    heads = [(b"x-request-id", context.request_id.encode()), *reply.headers, *guard_headers(reply, template)]
    heads += cors_headers(headers, scope["method"], context.runtime.settings.cors_origins, dict(reply.headers))
    if len(body) >= _COMPRESS_FROM and _takes_gzip(headers):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        heads.append((b"content-encoding", b"gzip"))
    if len(reply.body) >= _COMPRESS_FROM:
        heads.append((b"vary", b"accept-encoding"))
    if reply.status not in (204, 304):
        heads += [(b"content-type", reply.content_type), _length(body)]
    await send({"type": "http.response.start", "status": reply.status, "headers": heads})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _takes_gzip(headers: Mapping[bytes, bytes]) -> bool:
    for part in headers.get(b"accept-encoding", b"").lower().split(b","):
        name, *parameters = (piece.strip() for piece in part.split(b";"))
        if name in (b"gzip", b"*"):
            return not any(re.fullmatch(rb"q=0(\.0*)?", parameter) for parameter in parameters)
    return False
