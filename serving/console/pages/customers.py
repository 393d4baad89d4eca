"""The customers' page: those of the day in service, ranked, filtered, by page, and found by a part of their id."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from serving.console.pages.customer_list import FORMS, REFRESH, ListForm, counted
from serving.console.views.customer_rows import ORDERS, Filters, customer_rows
from serving.console.views.day_in_service import day_notes
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT


async def customers(request: Request) -> Reply:
    """GET /console/customers: a page by filters, which stand in the address; POST: those whose id holds a text.

    Nothing of a customer stands in an address: the text is posted, and a cursor holds a day and a rank.
    """
    posted = await forms.fields(request) if request.method == "POST" else {}
    texts, context = Texts(language_of(request)), CONTEXT.get()
    asked = Filters.read({**request.query_params, **posted})
    shown = await context.runtime.work(lambda: customer_rows(context, asked, texts))
    if shown.asked.contains:
        found = [row.customer_id for row in shown.rows]
        context.record_or_refuse("look", found, via="console", about={"page": "search"})
    notes = await asyncio.to_thread(day_notes, context.runtime.settings.home, texts, served=shown.in_service)
    form = ListForm.read(posted)
    if "top" in posted and not shown.refusal and notes.deliverable:
        form = await counted(form, shown.asked, context)
    facts = {
        "here": "customers",
        "asked": shown.asked,
        "shown": shown,
        "orders": [
            order for order in ORDERS if (order != REFRESH or shown.to_refresh) and (order != "-value" or shown.valued)
        ],
        "notes": notes,
        "form": form,
        "formats": FORMS,
    }
    return page("customers.html", texts.language, facts)
