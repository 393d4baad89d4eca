"""The first page: what is served, how fresh, how healthy, what was promoted and refused; and the API's description."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from serving.api.openapi import document
from serving.auth.login import sign_out
from serving.console.pages import customer
from serving.console.views.day_in_service import customers_today, day_notes
from serving.console.views.promotions import latest_decisions
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.problems import KINDS, NOT_ALLOWED, Problem
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT


async def start(request: Request) -> Reply:
    """GET /console/; POST ends a session, or shows a customer as the customer's page does."""
    if request.method == "POST":
        posted = await forms.fields(request)
        if "sign_out" in posted:
            return sign_out(CONTEXT.get().runtime.gate, dict(request.scope["headers"]))
        key = CONTEXT.get().key
        if key is not None and not key.opens("/console/customer"):
            raise Problem(NOT_ALLOWED, "The role opens no page of single customers.")
        return await customer.shown(request, posted.get("profile", ""))
    context, texts = CONTEXT.get(), Texts(language_of(request))
    snapshot = context.snapshot
    facts = {
        "here": "start",
        "live": snapshot.served,
        "refused": snapshot.refused,
        "released_at": snapshot.released_at,
        "policy": snapshot.policy,
        "policy_refusal": snapshot.policy_refusal,
        "ready": context.runtime.ready,
        "today": await asyncio.to_thread(customers_today, context.runtime.settings.home),
        "notes": await asyncio.to_thread(day_notes, context.runtime.settings.home, texts),
        "verdicts": latest_decisions(context.runtime.settings.home, texts),
    }
    return page("start.html", language_of(request), facts)


async def docs(request: Request) -> Reply:
    """GET /docs."""
    described = document(CONTEXT.get().snapshot.served)
    return page("docs.html", language_of(request), {"here": "docs", "api": described, "kinds": KINDS})
