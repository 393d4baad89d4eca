"""The customer's page: a posted profile scored, explained, changed and saved; none of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from starlette.requests import Request

from features.spec.languages import Language
from scoring.errors import PolicyFailedError
from scoring.privacy.audit_trail import What
from serving.api.use_case_document import example
from serving.console.personas.placed_groups import PlacedGroup, placed_groups
from serving.console.views.customer_days import customer_days, live_customer
from serving.console.views.named_features import measures
from serving.console.views.score_history import earlier
from serving.console.views.scored_customer import ScoredCustomer, features_in, scored_customer, with_features
from serving.console.views.what_if import Control, changed, controls
from serving.console.web import forms
from serving.console.web.i18n import Texts
from serving.console.web.render import asset, language_of, page, pretty
from serving.http.problems import INVALID_PROFILE, NOT_READY, UNKNOWN_USE_CASE, Problem
from serving.http.reply import Reply
from serving.requests.models import ScoresRequest, scores_request
from serving.requests.strict_json import decode
from serving.worker.request_context import CONTEXT

_SAVED = [(b"content-disposition", b'attachment; filename="penchant-customer.html"')]


class CustomerFacts(TypedDict):
    """What the customer's templates show of a posted text."""

    here: str
    customer: ScoredCustomer
    groups: Sequence[PlacedGroup]  # discovered ones
    several: int  # how many were posted, where more than one
    released_at: Mapping[str, float]  # by use case, seconds since the epoch
    again: str
    profile: Any
    use_cases: list[str] | None
    measures: Mapping[str, str]  # by feature


class WhatIf(TypedDict):
    """The controls, the rules that a form broke, and the customer as changed where something was."""

    controls: list[Control]
    broken: list[str]
    then: ScoredCustomer | None


async def show(request: Request) -> Reply:
    """GET and POST /console/customer: the form, or the customer it posted."""
    if request.method != "POST":
        return _form(request)
    posted = await forms.fields(request)
    wanted = posted.get("customer_id")
    return await shown(request, posted.get("profile", "") if wanted is None else pretty({"customer_ids": [wanted]}))


async def upload(request: Request) -> Reply:
    """POST /console/upload: the same for a file."""
    return await shown(request, forms.text_of(await forms.uploaded(request)))


async def what_if(request: Request) -> Reply:
    """POST /console/what-if: the scores as they are and would be, as a page or as the part of it that changes."""
    posted = await forms.fields(request)
    language = language_of(request)
    facts = await _facts_of(posted.get("profile", ""), Texts(language))
    _noted(facts, "look", "what-if")
    changes = _changed(facts, posted, Texts(language))
    if request.headers.get("x-part") == "result":
        return page("what_if.html", language, {**facts, **changes})
    return await _page(facts, changes, language)


async def export(request: Request) -> Reply:
    """POST /console/export: the customer as one file that needs nothing else."""
    language = language_of(request)
    facts = await _facts_of((await forms.fields(request)).get("profile", ""), Texts(language))
    _noted(facts, "export", "card")
    return page("export.html", language, {**facts, "style": asset("style.css").decode()}, headers=_SAVED)


def _form(request: Request, problem: Problem | None = None, text: str | None = None) -> Reply:
    served = CONTEXT.get().snapshot.served
    chosen = served.get(request.query_params.get("use_case", "")) or next(iter(served.values()), None)
    if text is None:
        text = pretty(example(chosen)["profiles"][0]) if chosen else ""
    known = CONTEXT.get().runtime.customers.store is not None
    facts = {"here": "customer", "text": text, "problem": problem, "live": list(served), "store": known}
    facts["chosen"] = "use_case" in request.query_params  # an example of it was asked for
    return page("form.html", language_of(request), facts, status=problem.kind.status if problem else 200)


async def shown(request: Request, text: str) -> Reply:
    """The page of a posted text; the form again where it cannot be one."""
    language = language_of(request)
    try:
        facts = await _facts_of(text, Texts(language))
    except Problem as problem:
        return _form(request, problem, text)
    _noted(facts, "look", "card")
    return await _page(facts, _changed(facts, {}, Texts(language)), language)


async def _page(facts: CustomerFacts, changes: WhatIf, language: Language) -> Reply:
    customer, context, texts = facts["customer"].answer["customer_id"], CONTEXT.get(), Texts(language)
    now = live_customer(facts["profile"], facts["customer"].answer)
    days = await asyncio.to_thread(customer_days, context, customer, now, texts)
    before = await asyncio.to_thread(earlier, customer, texts)
    return page("customer.html", language, {**facts, **changes, "days": days, "earlier": before})


def _noted(facts: CustomerFacts, what: What, shown_as: str) -> None:
    """Notes who is given this customer's card, where it says whose it is."""
    customer = facts["customer"].answer["customer_id"]
    if customer is not None:
        CONTEXT.get().record_or_refuse(what, [customer], via="console", about={"page": shown_as})


async def _facts_of(text: str, texts: Texts) -> CustomerFacts:
    """As `_facts`; a history takes long enough to be read beside the loop that answers."""
    return await asyncio.to_thread(_facts, text, texts) if '"events"' in text else _facts(text, texts)


def _facts(text: str, texts: Texts) -> CustomerFacts:
    """What the customer's templates show of a posted text.

    Raises:
        Problem: It is not JSON, not a profile, or nothing is served.
    """
    context = CONTEXT.get()
    if not context.snapshot.served:
        raise Problem(NOT_READY, "No release is being served; /readyz says why.")
    posted = decode(text.encode("utf-8", "surrogatepass"))
    if not (isinstance(posted, dict) and posted.keys() & {"profiles", "customer_ids"}):
        posted = {"profiles": [posted]}
    asked = scores_request({**posted, "language": texts.language, "reasons": 0})
    unknown = [name for name in asked.use_cases or () if name not in context.snapshot.served]
    if unknown:
        raise Problem(UNKNOWN_USE_CASE, f"A use case must be one of those served, got {len(unknown)} that are not.")
    asked, count = asked.first, asked.count
    served = context.snapshot.served
    profile = context.runtime.customers.ready(asked, served)[0]
    customer = _scored(profile, asked.use_cases, texts)
    return {
        "here": "customer",
        "customer": customer,
        "groups": placed_groups(customer.answer, served, texts),
        "several": count if count > 1 else 0,
        "released_at": context.snapshot.released_at,
        "again": pretty(_again(asked)),
        "profile": profile,
        "use_cases": asked.use_cases,
        "measures": measures(served, texts),
    }


def _scored(profile: Any, use_cases: list[str] | None, texts: Texts) -> ScoredCustomer:
    """A customer as scored by the policy in force."""
    context = CONTEXT.get()
    while True:
        served, policy = context.snapshot.served, context.snapshot.policy
        try:
            return scored_customer(served, profile, use_cases=use_cases, policy=policy, texts=texts)
        except PolicyFailedError as error:
            context.give_up_policy(error)


def _again(asked: ScoresRequest) -> Any:
    """What to post for the same page."""
    whom = {"customer_ids": asked.customer_ids} if asked.customer_ids else {"profiles": asked.profiles}
    if asked.use_cases:
        return {"use_cases": asked.use_cases, **whom}
    return asked.profiles[0] if asked.profiles else whom


def _changed(facts: CustomerFacts, posted: Mapping[str, str], texts: Texts) -> WhatIf:
    """The what-if of a customer: its controls, and the customer as changed where something was."""
    shown = facts["customer"]
    if not shown.scored:
        return {"controls": [], "broken": [], "then": None}
    profile = facts["profile"]
    known = features_in(profile)
    allowed = controls([one.live for one in shown.scored], known, texts)
    features, broken = changed(allowed, posted, known, texts)
    if broken or not posted:
        return {"controls": allowed, "broken": broken, "then": None}
    then = _scored(with_features(profile, features), facts["use_cases"], texts)
    if then.answer["status"] == "invalid":
        raise Problem(INVALID_PROFILE, "The changed profile must keep every rule of its features.")
    return {"controls": controls([one.live for one in shown.scored], features, texts), "broken": [], "then": then}
