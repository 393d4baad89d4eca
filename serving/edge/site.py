"""The pages and documents that BentoML mounts: use cases, segments, the API's own description, the console."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scoring.answers.served_release import Live
from scoring.health.matured_windows import HealthError
from serving.api.answers import SegmentDocument
from serving.api.home_health import home_health
from serving.api.openapi import document
from serving.api.population import answer_customers
from serving.api.use_case_document import summary, use_case_document
from serving.console.pages import audience, customer, customer_list, customers, customers_file
from serving.console.pages import campaigns as campaigns_page
from serving.console.pages import deliveries as deliveries_page
from serving.console.pages import health as health_page
from serving.console.pages import home as start
from serving.console.pages import model as models
from serving.console.pages import personas as personas_page
from serving.console.pages import report as report_page
from serving.console.pages import segments as segments_page
from serving.console.pages import sources as sources_page
from serving.console.pages.problem_page import trouble, wants_page
from serving.console.views.segment_sizes import sizes
from serving.console.web import render
from serving.customers.segment_report import last_report
from serving.http.problems import NOT_FOUND, NOT_READY, UNKNOWN_USE_CASE, Problem
from serving.http.reply import Reply, json_reply
from serving.worker.request_context import CONTEXT

Handler = Callable[[Request], Awaitable[Reply]]


def site() -> Starlette:
    """The application to mount at the root."""
    get, post, both = ["GET"], ["POST"], ["GET", "POST"]
    return Starlette(
        routes=[
            Route("/", _endpoint(to_console), methods=get),
            Route("/v1/use-cases", _endpoint(use_cases), methods=get),
            Route("/v1/use-cases/{name}", _endpoint(use_case), methods=get),
            Route("/v1/use-cases/{name}/report", _endpoint(_tagged(report_page.report)), methods=get),
            Route("/v1/segments", _endpoint(segments), methods=get),
            Route("/v1/health", _endpoint(health), methods=get),
            Route("/v1/customers", _endpoint(page_of_customers), methods=get),
            Route("/openapi.json", _endpoint(openapi), methods=get),
            Route("/docs", _endpoint(start.docs), methods=get),
            Route("/console/", _endpoint(start.start), methods=both),
            Route("/console/customers", _endpoint(customers.customers), methods=both),
            Route("/console/list", _endpoint(customer_list.download), methods=post),
            Route("/console/customer", _endpoint(customer.show), methods=both),
            Route("/console/upload", _endpoint(customer.upload), methods=post),
            Route("/console/customers-file", _endpoint(customers_file.customers_file), methods=both),
            Route("/console/scored-file", _endpoint(customers_file.save), methods=post),
            Route("/console/example-file", _endpoint(customers_file.example_file), methods=get),
            Route("/console/what-if", _endpoint(customer.what_if), methods=post),
            Route("/console/export", _endpoint(customer.export), methods=post),
            Route("/console/segments", _endpoint(segments_page.segments), methods=both),
            Route("/console/segment-table", _endpoint(segments_page.table), methods=get),
            Route("/console/audience", _endpoint(audience.download), methods=post),
            Route("/console/campaigns", _endpoint(campaigns_page.campaigns), methods=get),
            Route("/console/deliveries", _endpoint(deliveries_page.deliveries), methods=get),
            Route("/console/personas", _endpoint(personas_page.personas), methods=both),
            Route("/console/sources", _endpoint(sources_page.sources), methods=get),
            Route("/console/health", _endpoint(health_page.health), methods=both),
            Route("/console/models/{name}", _endpoint(models.model), methods=get),
            Route("/console/models/{name}/plan", _endpoint(models.replan), methods=get),
            Route("/console/models/{name}/confusion", _endpoint(models.confusion), methods=get),
            Route("/console/style.css", _endpoint(render.style), methods=get),
            Route("/console/script.js", _endpoint(render.script), methods=get),
            Route("/console/icon.svg", _endpoint(render.icon), methods=get),
        ]
    )


def _endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A handler as Starlette calls it; its problems are answers too."""

    async def endpoint(request: Request) -> Response:
        try:
            reply = await handler(request)
        except Problem as problem:
            headers = dict(request.scope["headers"])
            person = wants_page(headers, request.url.path)
            reply = trouble(headers, problem) if person else problem.reply(CONTEXT.get().request_id)
        headers = {name.decode(): value.decode() for name, value in reply.headers}
        return Response(reply.body, reply.status, headers, reply.content_type.decode())

    return endpoint


def with_tag(reply: Reply) -> Reply:
    """The reply with an ETag of its bytes, to be asked for again only when they change."""
    tag = hashlib.sha256(reply.body).hexdigest()[:24]
    reply.headers += [(b"etag", f'W/"{tag}"'.encode()), (b"cache-control", b"no-cache")]
    return reply


def _tagged(handler: Handler) -> Handler:
    async def tagged(request: Request) -> Reply:
        return with_tag(await handler(request))

    return tagged


async def to_console(_request: Request) -> Reply:
    """GET /."""
    return Reply(307, headers=[(b"location", b"/console/")])


async def use_cases(_request: Request) -> Reply:
    """GET /v1/use-cases."""
    return with_tag(json_reply({"use_cases": [summary(live) for live in CONTEXT.get().snapshot.served.values()]}))


async def use_case(request: Request) -> Reply:
    """GET /v1/use-cases/{name}."""
    return with_tag(json_reply(use_case_document(_served(request))))


async def segments(_request: Request) -> Reply:
    """GET /v1/segments, in the order their rules are tried.

    Sizes are those of the last snapshot of audiences, and `became` is what the last segment report found: both null
    where there is none, or it was of other segments.
    """
    context = CONTEXT.get()
    policy, home = context.snapshot.policy, context.runtime.settings.home
    counted, report = sizes(home, policy), last_report(home)
    known = counted.counts if counted and counted.of_this_policy else {}
    if report and not report.of(policy):
        report = None
    became = {one.code: one for one in report.segments} if report else {}
    listed: list[SegmentDocument] = [
        {
            "code": segment.code,
            "labels": dict(segment.labels),
            "rule": segment.text,
            "level": segment.level,
            "parent": segment.parent,
            "exclusive": segment.exclusive,
            "priority": segment.priority,
            "size": known.get(segment.code),
            "became": became.get(segment.code),
            **segment.guidance.to_json(),
        }
        for segment in policy.ordered
    ]
    compared = report and {"before": report.before, "after": report.after, "outcome": report.outcome}
    document = {"policy": policy.version, "use_cases": list(policy.use_cases), "segments": listed, "report": compared}
    return with_tag(json_reply(document))


async def health(_request: Request) -> Reply:
    """GET /v1/health: what monitoring last found, with the alerts as they stand, and how streams stand.

    Raises:
        Problem: 404 where monitoring never looked and there is no stream, 503 where what was written is damaged.
    """
    home = CONTEXT.get().runtime.settings.home
    try:
        document = await asyncio.to_thread(home_health, home, datetime.now(UTC))
    except HealthError as error:
        raise Problem(NOT_READY, str(error)) from None
    if document is None:
        raise Problem(NOT_FOUND, "There is no health of this home yet: `penchant monitor` finds it.")
    return with_tag(json_reply(document))


async def page_of_customers(request: Request) -> Reply:
    """GET /v1/customers."""
    return await answer_customers(request.query_params.multi_items(), CONTEXT.get())


async def openapi(_request: Request) -> Reply:
    """GET /openapi.json."""
    return with_tag(json_reply(document(CONTEXT.get().snapshot.served)))


def _served(request: Request) -> Live:
    served = CONTEXT.get().snapshot.served
    name = request.path_params["name"]
    if name not in served:
        known = ", ".join(served) or "none yet"
        raise Problem(UNKNOWN_USE_CASE, f"A use case must be one of those served ({known}), got another.")
    return served[name]
