"""The edge: the outermost layer of every worker, through which each request comes in and each byte goes out."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from serving.api import customer_lists, handlers, moves, population, probes, subject_requests
from serving.auth import login
from serving.auth.gate import CONSOLE
from serving.auth.keyless import check_host
from serving.console.pages.problem_page import trouble, wants_page
from serving.edge.asgi import App, Scope, Send
from serving.edge.forward import forward
from serving.edge.routes import (
    CONTESTATIONS,
    ERASE,
    EXPLANATIONS,
    EXPORT,
    LISTS,
    LOOKUP,
    MOVES,
    SCORES,
    SEARCH,
    UNMATCHED,
    Route,
    find,
)
from serving.edge.send import not_modified, send_reply
from serving.http.problems import FAILED, METHOD, NOT_FOUND, Problem
from serving.http.reply import Reply
from serving.idempotency.once import HEADER
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
from serving.requests.models import (
    contestation_request,
    customers_request,
    explanation_request,
    export_request,
    move_request,
    scores_request,
)
from serving.requests.population_models import list_request, lookup_request, search_request
from serving.requests.strict_json import decode
from serving.telemetry import logs, metrics
from serving.worker.request_context import CONTEXT, RequestContext
from serving.worker.runtime import Runtime

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HANDLERS = {
    SCORES: handlers.answer_scores,
    EXPLANATIONS: handlers.answer_explanations,
    EXPORT: subject_requests.answer_export,
    ERASE: subject_requests.answer_erase,
    CONTESTATIONS: subject_requests.answer_contestation,
    MOVES: moves.answer_moves,
    SEARCH: population.answer_search,
    LOOKUP: population.answer_lookup,
    LISTS: customer_lists.answer_lists,
}
_CHECKS: dict[str, Callable[[Any], object]] = {
    SCORES: scores_request,
    EXPLANATIONS: explanation_request,
    EXPORT: export_request,
    ERASE: customers_request,
    CONTESTATIONS: contestation_request,
    MOVES: move_request,
    SEARCH: search_request,
    LOOKUP: lookup_request,
    LISTS: list_request,
}
_PROBES = {"/livez": probes.livez, "/readyz": probes.readyz, "/metrics": probes.metrics_page}
_UNGUARDED = ("/livez", "/readyz")  # asked by what watches a server, under any name


class Edge:
    """Wraps BentoML's whole application.

    It reads and decodes every body once, answers the probes and, unless the setting `shortcut` is off, the POST routes
    of the API itself; everything else goes on to BentoML, whose answers are sent when they are whole.
    """

    def __init__(self, inner: App, runtime: Runtime) -> None:
        self._inner = inner
        self._runtime = runtime
        self._budget = BodyBudget(runtime.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's event: a request, the start and end of the worker, or a web socket, which is refused."""
        if scope["type"] != "http":
            await self._other_event(scope, receive, send)
            return
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        context = RequestContext(
            request_id(headers), self._runtime, self._runtime.snapshot, idempotency_key=headers.get(HEADER)
        )
        found = find(scope["path"])
        template = found[0].template if found else UNMATCHED
        token = CONTEXT.set(context)
        try:
            check_host(scope["headers"])
            route, path = _allowed(found, scope["method"])
            reply = self._at_once(route, scope, headers, context)
            if reply is None:
                reply = await self._answer(route, path, scope, headers, receive, context)
        except ClientLeftError:
            self._count(scope, template, 499, started, context)
            return
        except Exception as error:
            reply = _problem_reply(error, headers, scope["path"], template, context)
        finally:
            CONTEXT.reset(token)
        await send_reply(reply, scope, headers, context, template, send)
        self._count(scope, template, reply.status, started, context)

    async def _other_event(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses a web socket, or runs the worker.

        A worker takes its first connection when it knows what it serves. Else one that replaces a dead worker would
        answer 503 beside others that are ready.
        """

        async def announce(message: Any) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self._runtime.first_look()
            await send(message)

        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        with self._runtime.running():
            await self._inner(scope, receive, announce)

    def _at_once(
        self, route: Route, scope: Scope, headers: Mapping[bytes, bytes], context: RequestContext
    ) -> Reply | None:
        """The answer that needs neither a body nor BentoML; None for any other of a caller who is admitted.

        Raises:
            Problem: The caller is not admitted, or the worker is not ready.
        """
        method, gate = scope["method"], self._runtime.gate
        if route.template not in _UNGUARDED:
            gate.check_caller(scope.get("server"), headers, call=method == "POST" and route.template in HANDLERS)
        if method == "OPTIONS":
            return Reply(204, headers=route.allow)
        if route.needs == CONSOLE:
            context.key, known = gate.admit_browser(headers)
            if not known:
                return login.to_sign_in()
            login.check_role(context.key, route.template, headers, posted=method == "POST")
        else:
            context.key = gate.admit(route.needs, headers)
        if route.template in _PROBES:
            return _PROBES[route.template](context)
        return login.form(gate, headers) if route.template == login.SIGN_IN and method != "POST" else None

    async def _answer(
        self,
        route: Route,
        path: str,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        context: RequestContext,
    ) -> Reply:
        """The answer to a request that was admitted."""
        scope = {**scope, "path": path}
        if route.template == login.SIGN_IN_START:
            return await login.start(self._runtime.gate, headers)
        if route.template == login.SIGN_IN_BACK:
            return await login.back(self._runtime.gate, headers, scope.get("query_string", b""))
        if scope["method"] != "POST":
            return not_modified(await forward(self._inner, scope), headers)
        check_media_type(headers, route.accepts)
        if route.template in HANDLERS:
            self._runtime.check_load(declared_size(headers))
        share = BodyShare(self._budget)
        try:
            body = await read_body(headers, receive, self._runtime.settings, share)
            if route.template not in HANDLERS or not self._runtime.settings.shortcut:
                return await self._indirectly(route, scope, headers, body, context)
            context.slot = self._runtime.slot(len(body))
            async with context.slot or nullcontext():
                block = read_block(body, context.snapshot.served) if route.template == SCORES else None
                return await HANDLERS[route.template](block or decode(body), context)
        finally:
            share.end()

    async def _indirectly(
        self, route: Route, scope: Scope, headers: Mapping[bytes, bytes], body: bytes, context: RequestContext
    ) -> Reply:
        """The answer to a form, or to a call by way of BentoML where the shortcut is off."""
        if route.template == login.SIGN_IN:
            return login.enter(self._runtime.gate, headers, body, secure=scope.get("scheme") == "https")
        if route.template in HANDLERS:
            context.slot = self._runtime.slot(len(body))
        async with context.slot or nullcontext():
            if route.template in HANDLERS:
                _CHECKS[route.template](decode(body))  # BentoML's own would coerce, and repeat what was posted
            if context.slot:
                context.slot.end_run()
            return await forward(self._inner, scope, body, route.accepts)

    def _count(self, scope: Scope, template: str, status: int, started: float, context: RequestContext) -> None:
        known = template != UNMATCHED and scope["method"] in ("GET", "HEAD", "POST", "OPTIONS")
        method = scope["method"] if known else "(any)"
        self._runtime.registry.add(metrics.HTTP_REQUESTS, (template, method, str(status)))
        if self._runtime.settings.access_log:
            milliseconds = round(1000 * (time.perf_counter() - started), 3)
            logs.write(
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
    return given.decode() if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


def _allowed(found: tuple[Route, str] | None, method: str) -> tuple[Route, str]:
    """A route that has the method, and the path as the route has it.

    Raises:
        Problem: A 404 or a 405.
    """
    if found is None:
        raise Problem(NOT_FOUND, "No route has this path; /openapi.json names them all.")
    route = found[0]
    if method not in (*route.methods, "OPTIONS"):
        raise Problem(METHOD, f"The methods here are {', '.join(route.methods)}.", headers=route.allow)
    return found


def _problem_reply(
    error: Exception, headers: Mapping[bytes, bytes], path: str, template: str, context: RequestContext
) -> Reply:
    """A problem as a document, or as a page for a person; any other exception is a 500, and in the log."""
    if not isinstance(error, Problem):
        logs.write("request_failed", level="error", request_id=context.request_id, route=template, **logs.fault(error))
        return Problem(FAILED, "The fault is in the log, under the request id.").reply(context.request_id)
    return trouble(headers, error) if wants_page(headers, path) else error.reply(context.request_id)
