"""The page Personas: who the discovered groups are, what their members did later, and which come first."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from serving.console.personas.group_values import group_values
from serving.console.personas.persona_board import GRID, persona_board
from serving.console.personas.priorities import LEAST, MOST, posted_priorities, read_priorities, write_priorities
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.problems import NOT_FOUND, Problem
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT


async def personas(request: Request) -> Reply:
    """GET /console/personas; POST keeps the relevance that a form gives to the groups of one segmentation.

    Raises:
        Problem: 404 where no segmentation has the name asked for.
    """
    context, texts = CONTEXT.get(), Texts(language_of(request))
    known, home = context.snapshot.segmentations, context.runtime.settings.home
    asked = request.query_params.get("segmentation", next(iter(sorted(known)), ""))
    if known and asked not in known:
        raise Problem(NOT_FOUND, f"A segmentation must be one of those in service ({', '.join(sorted(known))}).")
    saved = False
    if known and request.method == "POST":
        fields, codes = await forms.fields(request), known[asked].bundle.learned.codes
        given = {**await asyncio.to_thread(read_priorities, home, asked), **posted_priorities(fields, codes)}
        await asyncio.to_thread(write_priorities, home, asked, given)
        saved = True
    relevance = await asyncio.to_thread(read_priorities, home, asked) if known else {}
    served = context.snapshot.served
    values = await asyncio.to_thread(group_values, home, asked, served) if known else None
    facts = {
        "here": "personas",
        "segmentations": sorted(known),
        "asked": asked,
        "saved": saved,
        "steps": range(LEAST, MOST + 1),
        "grid": GRID,
        "shown": persona_board(known[asked], relevance, texts, values) if known else None,
    }
    return page("personas.html", texts.language, facts)
