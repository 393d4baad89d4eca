"""A list of the day's likeliest taken away: counted first, then as a file; nobody in it who did not agree."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from starlette.requests import Request

from serving.api.customer_lists import let_leave, ranked_list
from serving.api.population import in_population
from serving.console.pages import audience
from serving.console.views.customer_rows import SCOPE, Filters, Labels
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of
from serving.http.problems import BAD_REQUEST, INVALID, NOT_ALLOWED, NOT_READY, Problem
from serving.http.reply import Reply
from serving.requests.population_models import ListRequest, list_request
from serving.worker.request_context import CONTEXT, RequestContext

if TYPE_CHECKING:
    import pyarrow as pa

    from scoring.population.customer_lists import CustomerList

FORMS = ("excel-fr", "csv", "brevo", "mailchimp")
REASONS = 3
REFRESH: Literal["refresh"] = "refresh"  # an order of the list


@dataclass(frozen=True, slots=True)
class ListForm:
    """The form as it stands, and what was counted by it."""

    top: str = "300"
    holdout: str = "10"  # percent
    format: str = FORMS[0]
    threshold: str = ""  # the least probability, as the planner names it
    salt: str = ""  # drawn when it is counted, so that the file holds the same customers out
    broken: bool = False
    counted: CustomerList | None = None

    @classmethod
    def read(cls, posted: Mapping[str, str]) -> ListForm:
        """The fields as posted; those of a first look where none are."""
        return cls(
            posted.get("top", cls().top).strip(),
            posted.get("holdout", cls().holdout).strip(),
            posted.get("format", FORMS[0]),
            posted.get("threshold", ""),
            posted.get("salt", ""),
        )

    def request(self, asked: Filters) -> ListRequest:
        """What is asked of `kept_list`.

        Raises:
            Problem: The fields are no list.
        """
        try:
            top, holdout = int(self.top), float(self.holdout.replace(",", ".")) / 100
            threshold = float(self.threshold) if self.threshold else None
        except ValueError:
            raise Problem(INVALID, "A list is of so many customers, of whom a share in percent stays out.") from None
        if asked.order == REFRESH:
            holdout = 0.0  # nobody is kept from being asked for what is missing
        body = {"use_case": asked.use_case, "top": top, "threshold": threshold, "holdout": holdout}
        body["segment"] = asked.segment or None
        return list_request({**body, "salt": (self.salt or None) if holdout else None})


async def counted(form: ListForm, asked: Filters, context: RequestContext) -> ListForm:
    """The form with what a list of it would hold; nothing is kept, nothing leaves."""
    if context.key is not None and SCOPE not in context.key.scopes:
        return form
    try:
        request = form.request(asked)
    except Problem:
        return replace(form, broken=True)
    ranked = await in_population(lambda: ranked_list(request, context, order=_order(asked)), context, INVALID)
    return replace(form, salt=ranked.asked.salt or "", counted=ranked.made)


async def download(request: Request) -> Reply:
    """POST /console/list: the list as a file; one with a hold-out is kept as a campaign before it leaves.

    Raises:
        Problem: 403 without the scopes, 400 for another form, 422 for no list, 503 where no consent is known.
    """
    posted = await forms.fields(request)
    context, texts = CONTEXT.get(), Texts(language_of(request))
    if context.key is not None and not {SCOPE, audience.SCOPE} <= context.key.scopes:
        raise Problem(NOT_ALLOWED, f"The key needs the scopes {SCOPE} and {audience.SCOPE}: the file has addresses.")
    form = ListForm.read(posted)
    if form.format not in FORMS:
        raise Problem(BAD_REQUEST, "A list leaves in one of the forms offered.")
    filters = Filters.read(posted)
    asked, order = form.request(filters), _order(filters)
    content, name = await in_population(lambda: _file(asked, order, form.format, context, texts), context, INVALID)
    ending, kind = audience.FORMATS[form.format]
    return Reply(200, content, kind, [(b"content-disposition", f'attachment; filename="{name}{ending}"'.encode())])


def _order(asked: Filters) -> Literal["refresh"] | None:
    """Lists are as the day has them, whatever the page's order, or of those whose data have gaps."""
    return REFRESH if asked.order == REFRESH else None


def _file(
    asked: ListRequest, order: Literal["refresh"] | None, form: str, context: RequestContext, texts: Texts
) -> tuple[bytes, str]:
    """The bytes of a list and what its file is called."""
    from scoring.audiences.export_formats import write_audience
    from scoring.audiences.pressure.contact_history import one_list_at_a_time
    from scoring.population.home_contacts import contacts_of

    contacts = contacts_of(context.runtime.settings.home)
    if contacts is None:
        raise Problem(NOT_READY, "A list needs named contacts, since nobody is addressed who did not agree.")
    with one_list_at_a_time(context.runtime.settings.home):
        ranked = ranked_list(asked, context, order=order)
        campaign = let_leave(ranked, context, format_=form, by="console")["campaign"]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "list"
        write_audience(_table(ranked.made, asked.use_case, contacts[1].emails, context, texts), target, form)
        named = [
            order or asked.use_case,
            ranked.index.as_of.date().isoformat(),
            *([campaign] if campaign else []),
        ]
        return target.read_bytes(), "-".join(named)


def _table(made: CustomerList, name: str, emails: Mapping[str, str], context: RequestContext, texts: Texts) -> pa.Table:
    """A row a customer, in words of the language; the score as batch gives it."""
    import pyarrow as pa

    labels = Labels(context, context.snapshot.served.get(name), texts)
    rows = [labels.row(customer, name) for customer in made.customers]
    columns: dict[str, list[str | float | None]] = {
        "customer_id": [row.customer_id for row in rows],
        "email": [emails.get(row.customer_id) for row in rows],
        "segment": [row.segment or None for row in rows],
        f"{name}_score": [row.score for row in rows],
        f"{name}_band": [row.band for row in rows],
    }
    if made.order == "-uplift":
        columns[f"{name}_uplift"] = [row.uplift for row in rows]
    for rank in range(REASONS):
        texts_of = [row.reasons[rank].text if rank < len(row.reasons) else None for row in rows]
        columns[f"{name}_reason_{rank + 1}_text"] = list(texts_of)
    if labels.states_actions:
        columns["action"] = [row.action or None for row in rows]
    return pa.table(columns)
