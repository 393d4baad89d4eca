"""POST /v1/lists: a list made of the day in service, logged, and with a hold-out kept as a campaign."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from scoring.encoding.notes import Note
from scoring.privacy.audit_trail import Via
from serving.api.answers import ListMade
from serving.api.only_once import only_once
from serving.api.population import in_population, iso
from serving.http.pointers import pointer
from serving.http.problems import INVALID, LIST_TOO_LONG, SALT_REUSED, STORE_DOWN, Problem, retry_after
from serving.http.reply import Reply, json_reply
from serving.requests.population_models import ListRequest, list_request
from serving.worker.request_context import RequestContext

if TYPE_CHECKING:  # they bring pyarrow along, which few servers need
    from scoring.population.customer_lists import CustomerList
    from scoring.population.customer_pages import Order
    from scoring.population.ranked import DayIndex


@only_once("/v1/lists")
async def answer_lists(body: Any, context: RequestContext) -> Reply:
    """POST /v1/lists.

    Raises:
        Problem: The request cannot be answered, or the salt has been used for another list.
    """
    asked = list_request(body)
    return await in_population(lambda: _list_of(asked, context), context, INVALID)


@dataclass(frozen=True, slots=True)
class RankedList:
    """A list of the day in service, before it leaves."""

    asked: ListRequest  # with the salt that drew the hold-out, where there is one
    index: DayIndex
    made: CustomerList


def ranked_list(asked: ListRequest, context: RequestContext, *, order: Order | None = None) -> RankedList:
    """Makes a list, by uplift or of the likeliest as the day has it, or in another order; nothing of it is kept.

    Raises:
        StaleDayError: The day is too old for a list.
        Problem: It would be too long; and what `make_list` raises.
    """
    from scoring.population.customer_lists import ListQuery, ListTooLongError, make_list
    from scoring.population.daily_file import check_age
    from scoring.population.ranked import open_index

    home = context.runtime.settings.home
    index = open_index(home)
    check_age(home, index.as_of)
    query = ListQuery(asked.use_case, asked.top, asked.threshold, asked.segment, order, asked.cluster)
    salt = asked.salt or context.salt or secrets.token_hex(8)
    asked = msgspec.structs.replace(asked, salt=salt if asked.holdout else None)
    try:
        made = make_list(home, index, query, holdout=asked.holdout, salt=asked.salt or "")
    except ListTooLongError as error:
        raise Problem(LIST_TOO_LONG, str(error)) from None
    context.rows = len(made.customers)
    return RankedList(asked, index, made)


def let_leave(ranked: RankedList, context: RequestContext, *, format_: str, by: Via) -> ListMade:
    """What is said of a list that leaves, which is logged before; with a hold-out it is kept as a campaign.

    Raises:
        Problem: The salt has been used for another list.
    """
    from scoring.audiences.export_log import log_export
    from scoring.audiences.pressure.restraint import note_list

    answer = _answer(ranked.asked, ranked.index, ranked.made, ranked.asked.salt)
    if ranked.made.order == "-uplift":
        answer["picked_by"] = "uplift"
    if ranked.asked.salt:
        answer["campaign"] = _campaign(ranked.asked, context, ranked.index, ranked.made, ranked.asked.salt)
    caller = context.key.name if context.key else None
    logged = _logged(ranked.asked, ranked.index, answer)
    home = context.runtime.settings.home
    log_export(home, logged, format_=format_, by=by, key=caller)
    note_list(home, ranked.made.identity, [one.customer_id for one in ranked.made.customers])
    return answer


def _list_of(asked: ListRequest, context: RequestContext) -> Reply:
    from scoring.audiences.pressure.contact_history import one_list_at_a_time

    with one_list_at_a_time(context.runtime.settings.home):
        return json_reply(let_leave(ranked_list(asked, context), context, format_="json", by="api"))


def _answer(asked: ListRequest, index: DayIndex, made: CustomerList, salt: str | None) -> ListMade:
    return {
        "as_of": iso(index.as_of),
        "use_case": asked.use_case,
        "internal": made.contacts is None,
        "channel": made.contacts.channel if made.contacts else None,
        "purpose": made.contacts.purpose if made.contacts else None,
        "members": made.members,
        "written": len(made.customers),
        "left_out": made.left_out,
        "holdout_ids": made.holdout_ids,
        "salt": salt,
        "campaign": None,
        "customers": made.customers,
    }


def _campaign(asked: ListRequest, context: RequestContext, index: DayIndex, made: CustomerList, salt: str) -> str:
    """The id of the campaign that the list is kept as."""
    from scoring.audiences.campaign import (
        CampaignError,
        CampaignList,
        CampaignPlan,
        CampaignVersions,
        SaltReusedError,
        record_campaign,
    )
    from scoring.audiences.campaign_window import predicted_answers

    day = index.day.manifest
    listed = CampaignList(
        use_case=asked.use_case,
        snapshot=iso(index.as_of),
        segment=asked.segment,
        cluster=asked.cluster or UNSET,
        threshold=asked.threshold,
        top=asked.top,
    )
    live = context.snapshot.served.get(asked.use_case)
    window, metric = predicted_answers(live.release.bundle.manifest if live else None)
    plan = CampaignPlan(
        salt=salt,
        holdout=asked.holdout,
        list=listed,
        versions=CampaignVersions(day.models, day.policy),
        window=asked.window or window,
        metric=asked.metric or metric,
        planned_look=asked.planned_look,
    )
    treated = [one.customer_id for one in made.customers]
    try:
        return record_campaign(context.runtime.settings.home, plan, treated=treated, holdout_ids=made.holdout_ids).id
    except CampaignError as error:
        raise Problem(STORE_DOWN, str(error), headers=retry_after(5)) from None
    except SaltReusedError as error:
        note: Note = {"code": "salt_reused", "field": "salt", "detail": str(error), "pointer": pointer(["salt"])}
        raise Problem(SALT_REUSED, str(error), errors=[note]) from None


def _logged(asked: ListRequest, index: DayIndex, answer: ListMade) -> dict[str, object]:
    """What the log of exports is given of a list; it keeps what it counts, and nobody's id."""
    stated = {"top": asked.top, "threshold": asked.threshold, "segment": asked.segment, "cluster": asked.cluster}
    document = {**answer, **stated, "policy": index.day.manifest.policy}
    return {name: value for name, value in document.items() if value is not None}
