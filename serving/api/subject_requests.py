"""What a person may ask for: all that is kept of them, its erasure, and to contest a score; it waits for the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

from scoring.privacy.suppression import SuppressionError
from serving.api.handlers import served_by, unknown_use_case
from serving.api.only_once import only_once
from serving.customers import subject_rights as rights
from serving.customers.contestations import NoDecisionError, contest
from serving.customers.kept import CopyError
from serving.http.problems import STORE_DOWN, UNKNOWN_DECISION, Problem, retry_after
from serving.http.reply import Reply, json_reply
from serving.requests.models import (
    ContestationRequest,
    ExportRequest,
    contestation_request,
    customers_request,
    export_request,
)
from serving.telemetry import logs
from serving.worker.request_context import RequestContext


async def answer_export(body: Any, context: RequestContext) -> Reply:
    """POST /v1/customers/export.

    Raises:
        Problem: The request cannot be answered.
    """
    asked = export_request(body)
    context.rows = len(asked.customer_ids)
    return await _on_the_disk(partial(_export, asked, context), context)


def _export(asked: ExportRequest, context: RequestContext) -> Reply:
    home = context.runtime.settings.home
    context.record("export", asked.customer_ids, via="api")
    exported = rights.export(home, asked.customer_ids)
    if asked.language is not None:
        from serving.customers.person_copy import with_copies  # brings pyarrow along, which few servers need

        days = context.runtime.settings.decisions_days
        served = context.snapshot.served
        exported = with_copies(home, exported, served, asked.language, decisions_days=days)
    return json_reply({"request_id": context.request_id, "customers": exported})


@only_once("/v1/customers/erase", ids=customers_request)
async def answer_erase(body: Any, context: RequestContext) -> Reply:
    """POST /v1/customers/erase.

    Raises:
        Problem: The request cannot be answered, or not be finished: then it may be asked again.
    """
    customers = customers_request(body)
    context.rows = len(customers)
    return await _on_the_disk(partial(_erase, customers, context), context)


def _erase(customers: list[str], context: RequestContext) -> Reply:
    context.record("erase", customers, via="api")
    answered = rights.erase(context.runtime.settings.home, customers)
    return json_reply({"request_id": context.request_id, "customers": answered})


@only_once("/v1/customers/contestations")
async def answer_contestation(body: Any, context: RequestContext) -> Reply:
    """POST /v1/customers/contestations.

    Raises:
        Problem: The use case is not served, the log has no such score, or it cannot be written now.
    """
    asked = contestation_request(body)
    served = served_by(context)
    if asked.use_case not in served:
        raise unknown_use_case(served, "use_case", ["/use_case"])
    context.rows = 1
    return await _on_the_disk(partial(_contest, asked, context), context)


def _contest(asked: ContestationRequest, context: RequestContext) -> Reply:
    caller = context.key.name if context.key else None
    stated = {name: getattr(asked, name) for name in ("use_case", "request_id", "outcome", "by", "text")}
    about = {"use_case": asked.use_case, "outcome": asked.outcome}
    context.record("contestation", [asked.customer_id], via="api", about=about)
    context.runtime.decisions.flush()  # the score that is contested may wait to be written
    try:
        line = contest(context.runtime.settings.home, asked.customer_id, caller=caller, **stated)
    except NoDecisionError as error:
        raise Problem(UNKNOWN_DECISION, str(error)) from None
    return json_reply({"request_id": context.request_id, "customer_id": asked.customer_id, "contestation": line})


async def _on_the_disk(call: Callable[[], Reply], context: RequestContext) -> Reply:
    """What a call answers that reads or writes what is kept of customers."""
    try:
        return await context.in_thread(call)
    except (sqlite3.Error, SuppressionError, OSError, CopyError) as error:
        logs.write("customers_failed", level="error", request_id=context.request_id, **logs.fault(error))
        detail = "What is kept of customers cannot be read or written now; ask again until it is done."
        raise Problem(STORE_DOWN, detail, headers=retry_after(5)) from None
