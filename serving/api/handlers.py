"""The two calls: a decoded body in, the bytes of an answer out; the same for the edge and for BentoML's own route."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scoring.answers.explain import ProfileError, explain_profile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.encoding.block import Block
from scoring.privacy.suppression import SuppressionError
from serving.customers import subject_rights as rights
from serving.customers.raw_events import is_raw
from serving.http.problems import INVALID_PROFILE, NOT_READY, STORE_DOWN, UNKNOWN_USE_CASE, Problem, retry_after
from serving.http.reply import Reply, json_reply
from serving.requests.models import (
    ExplanationRequest,
    ScoresRequest,
    customers_request,
    explanation_request,
    scores_request,
)
from serving.telemetry import logs, metrics
from serving.worker.request_context import Visit

REASONS_COST = 10  # explaining a row takes about ten times as long as scoring it
RAW_COST = 1000  # a history goes through DuckDB, never on the loop


async def answer_scores(body: Any, visit: Visit) -> Reply:
    """POST /v1/scores.

    Raises:
        Problem: The request itself cannot be answered.
    """
    started = time.perf_counter()
    asked = scores_request(body)
    served = _served(visit)
    unknown = [name for name in asked.use_cases or () if name not in served]
    if unknown:
        raise _unknown(served, "use_cases", len(unknown))
    visit.rows = len(asked.customer_ids or asked.profiles)
    posted = [] if isinstance(asked.profiles, Block) else asked.profiles
    histories = RAW_COST * sum(map(is_raw, posted))
    cost = (visit.rows * (1 + REASONS_COST * bool(asked.reasons)) + histories) * len(asked.use_cases or served)
    reply = await visit.work(cost, lambda: _score(asked, visit))
    visit.runtime.timed(metrics.SCORING_SECONDS, started)
    return reply


async def answer_explanations(body: Any, visit: Visit) -> Reply:
    """POST /v1/explanations.

    Raises:
        Problem: The request itself cannot be answered, or the profile is not valid.
    """
    started = time.perf_counter()
    asked = explanation_request(body)
    served = _served(visit)
    if asked.use_case not in served:
        raise _unknown(served, "use_case", 1)
    visit.rows = 1
    reply = await visit.work(REASONS_COST, lambda: _explain(asked, served[asked.use_case], visit))
    visit.runtime.timed(metrics.EXPLAIN_SECONDS, started)
    return reply


async def answer_export(body: Any, visit: Visit) -> Reply:
    """POST /v1/customers/export.

    Raises:
        Problem: The request cannot be answered.
    """
    return await _on_customers(rights.export, body, visit)


async def answer_erase(body: Any, visit: Visit) -> Reply:
    """POST /v1/customers/erase.

    Raises:
        Problem: The request cannot be answered, or not be finished: then it may be asked again.
    """
    return await _on_customers(rights.erase, body, visit)


async def _on_customers(call: Callable[[Path, Sequence[str]], list[dict[str, Any]]], body: Any, visit: Visit) -> Reply:
    """What a call says of each customer; it waits for the disk, so never on the loop."""
    customers = customers_request(body)
    visit.rows = len(customers)
    try:
        return await visit.work(RAW_COST, lambda: _told(call, customers, visit))
    except (sqlite3.Error, SuppressionError, OSError) as error:
        logs.say("customers_failed", level="error", request_id=visit.request_id, **logs.fault(error))
        detail = "What is kept of customers cannot be read or written now; ask again until it is done."
        raise Problem(STORE_DOWN, detail, headers=retry_after(5)) from None


def _told(call: Callable[[Path, Sequence[str]], list[dict[str, Any]]], customers: Sequence[str], visit: Visit) -> Reply:
    told = call(visit.runtime.settings.home, customers)
    return json_reply({"request_id": visit.request_id, "customers": told})


def _score(asked: ScoresRequest, visit: Visit) -> Reply:
    results = score_profiles(
        visit.snapshot.served,
        visit.runtime.customers.ready(asked, visit.snapshot.served),
        use_cases=asked.use_cases,
        reasons=asked.reasons,
        language=asked.language,
        policy=visit.snapshot.policy,
    )
    if visit.runtime.decisions.on:
        visit.runtime.decisions.note(visit.request_id, visit.key.name if visit.key else None, results)
    counted = Counter((name, score["status"]) for row in results for name, score in row["scores"].items())
    counted["(none)", "invalid"] += sum(row["status"] == "invalid" for row in results)
    for labels, count in counted.items():
        if count:
            visit.runtime.registry.add(metrics.SCORING_ROWS, labels, count)
    return json_reply({"request_id": visit.request_id, "scored_at": now(), "results": results})


def _explain(asked: ExplanationRequest, live: Live, visit: Visit) -> Reply:
    try:
        customers = visit.runtime.customers
        profile = customers.ready_profiles([asked.profile], visit.snapshot.served, [asked.use_case])[0]
        explanation = explain_profile(live, profile, language=asked.language)
    except ProfileError as error:
        raise Problem(INVALID_PROFILE, str(error), errors=error.notes) from None
    return json_reply({"request_id": visit.request_id, "scored_at": now(), **explanation})


def _served(visit: Visit) -> Any:
    if not visit.snapshot.served:
        raise Problem(NOT_READY, "No release is being served; /readyz says why.", headers=retry_after(5))
    return visit.snapshot.served


def _unknown(served: Any, field: str, count: int) -> Problem:
    detail = f"A use case must be one of those served ({', '.join(served)}), got {count} that are not."
    return Problem(UNKNOWN_USE_CASE, detail, errors=[{"code": "unknown_use_case", "field": field, "detail": detail}])


def now() -> str:
    """This moment in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
