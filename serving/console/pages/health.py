"""The page Health: whether scores are to be trusted, why, who looks after what is wrong, and how streams stand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from starlette.requests import Request

from scoring.health.alert_file import AcknowledgeError, acknowledge
from scoring.health.matured_windows import HealthError
from serving.console.health.health_board import HealthBoard, health_board
from serving.console.health.stream_board import stream_lines
from serving.console.views.day_in_service import day_notes
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.problems import BAD_REQUEST, NOT_ALLOWED, NOT_READY, Problem
from serving.http.reply import Reply
from serving.telemetry import logs
from serving.worker.request_context import CONTEXT

SCOPE = "admin"


async def health(request: Request) -> Reply:
    """GET /console/health; POST acknowledges an alert, then shows the page."""
    if request.method == "POST":
        return await _acknowledged(request)
    context, texts = CONTEXT.get(), Texts(language_of(request))
    home, served = context.runtime.settings.home, context.snapshot.served
    board: HealthBoard | None = None
    refusal = None
    try:
        board = await asyncio.to_thread(health_board, home, served, context.snapshot.policy, texts)
    except HealthError as error:
        refusal = str(error)
    facts = {
        "here": "health",
        "board": board,
        "refusal": refusal,
        "streams": await asyncio.to_thread(stream_lines, home, texts, datetime.now(UTC)),
        "notes": await asyncio.to_thread(day_notes, home, texts),
        "may_acknowledge": _may_acknowledge(),
    }
    return page("health.html", texts.language, facts)


async def _acknowledged(request: Request) -> Reply:
    """Takes an alert on by the name of the key, or by the posted one where there are no keys.

    Raises:
        Problem: 403 without the scope, 400 for no such alert or no name, 503 where the alerts cannot be read.
    """
    context, posted = CONTEXT.get(), await forms.fields(request)
    if not _may_acknowledge():
        raise Problem(NOT_ALLOWED, f"The key needs the scope {SCOPE}.")
    home, alert_id = context.runtime.settings.home, posted.get("id", "")
    name = context.key.name if context.key else posted.get("by", "")
    try:
        await asyncio.to_thread(acknowledge, home, alert_id, by=name, now=datetime.now(UTC))
    except AcknowledgeError as error:
        raise Problem(BAD_REQUEST, str(error)) from None
    except (HealthError, OSError) as error:
        logs.write("acknowledge_failed", level="error", request_id=context.request_id, **logs.fault(error))
        raise Problem(NOT_READY, "The alerts cannot be read or written now.") from None
    back = f"/console/health?language={language_of(request)}"
    return Reply(303, headers=[(b"location", back.encode())])


def _may_acknowledge() -> bool:
    key = CONTEXT.get().key
    return key is None or SCOPE in key.scopes
