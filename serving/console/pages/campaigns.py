"""The page Campaigns: what lists that left with a hold-out brought, and what to do next."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from starlette.requests import Request

from serving.console.campaigns.campaign_board import CampaignsShown, CampaignsUnreadableError, campaign_board
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT


async def campaigns(request: Request) -> Reply:
    """GET /console/campaigns."""
    context, texts = CONTEXT.get(), Texts(language_of(request))
    home, served, policy = context.runtime.settings.home, context.snapshot.served, context.snapshot.policy
    shown: CampaignsShown | None = None
    refusal = None
    try:
        shown = await asyncio.to_thread(campaign_board, home, served, policy, texts, now=datetime.now(UTC))
    except CampaignsUnreadableError as error:
        refusal = str(error)
    return page("campaigns.html", texts.language, {"here": "campaigns", "shown": shown, "refusal": refusal})
