"""The page Deliveries: which tools have which audience, how the last sync went, what is to be sent next."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from serving.console.deliveries.delivery_board import DeliveriesUnreadableError, DeliveryLine, delivery_board
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT


async def deliveries(request: Request) -> Reply:
    """GET /console/deliveries."""
    context, texts = CONTEXT.get(), Texts(language_of(request))
    lines: list[DeliveryLine] = []
    refusal = None
    try:
        lines = await asyncio.to_thread(delivery_board, context.runtime.settings.home, texts)
    except DeliveriesUnreadableError as error:
        refusal = str(error)
    return page("deliveries.html", texts.language, {"here": "deliveries", "lines": lines, "refusal": refusal})
