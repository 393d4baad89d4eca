"""The two calls: a decoded body in, the bytes of an answer out; the same by the edge and by BentoML's own route."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from scoring.answers.block_answers import encode_answers
from scoring.answers.explain import ProfileError, explain_profile
from scoring.answers.flat import flat_results
from scoring.answers.prepared_profile import PreparedProfile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.answers.wire import FlatValue, Result, StatedEffect, Status
from scoring.encoding.block import Block
from scoring.encoding.notes import Note
from scoring.errors import PolicyFailedError
from serving.api.places import locate_errors, located
from serving.customers.raw_events import is_raw
from serving.http.pointers import pointer
from serving.http.problems import (
    INVALID_PROFILE,
    NOT_READY,
    UNKNOWN_CUSTOMER,
    UNKNOWN_USE_CASE,
    Problem,
    retry_after,
)
from serving.http.reply import Reply, json_reply
from serving.requests.models import (
    ExplanationById,
    ExplanationRequest,
    ScoresRequest,
    explanation_request,
    scores_request,
)
from serving.telemetry import metrics
from serving.worker.request_context import RequestContext

REASONS_COST = 10  # explaining a row takes about ten times as long as scoring it
RAW_COST = 1000  # a history goes through DuckDB, never on the loop


async def answer_scores(body: Any, context: RequestContext) -> Reply:
    """POST /v1/scores.

    Raises:
        Problem: The request itself cannot be answered.
    """
    started = time.perf_counter()
    asked = scores_request(body)
    served = served_by(context)
    unknown = [place for place, name in enumerate(asked.use_cases or ()) if name not in served]
    if unknown:
        raise unknown_use_case(served, "use_cases", [pointer(["use_cases", place]) for place in unknown])
    context.rows = asked.count
    posted = [] if isinstance(asked.profiles, Block) else asked.profiles or []
    histories = RAW_COST * sum(map(is_raw, posted))
    call = partial(_score, asked, context)
    cost = (context.rows * (1 + REASONS_COST * bool(asked.reasons)) + histories) * len(asked.use_cases or served)
    reply = call() if context.at_once(cost) else await context.in_thread(call)
    context.runtime.timed(metrics.SCORING_SECONDS, started)
    return reply


async def answer_explanations(body: Any, context: RequestContext) -> Reply:
    """POST /v1/explanations.

    Raises:
        Problem: The request itself cannot be answered, or the profile is not valid.
    """
    started = time.perf_counter()
    asked = explanation_request(body)
    served = served_by(context)
    if asked.use_case not in served:
        raise unknown_use_case(served, "use_case", ["/use_case"])
    context.rows = 1
    call = partial(_explain, asked, served[asked.use_case], context)
    reply = call() if context.at_once(REASONS_COST) else await context.in_thread(call)
    context.runtime.timed(metrics.EXPLAIN_SECONDS, started)
    return reply


def _score(asked: ScoresRequest, context: RequestContext) -> Reply:
    profiles = context.runtime.customers.ready(asked, context.snapshot.served)
    results = None
    while results is None:
        try:
            if encoded := _encoded(asked, profiles, context):
                return _scores_reply(encoded, asked, context)
            results = score_profiles(
                context.snapshot.served,
                profiles,
                use_cases=asked.use_cases,
                reasons=asked.reasons,
                language=asked.language,
                policy=context.snapshot.policy,
                alone={} if asked.flat else context.snapshot.alone,
            )
        except PolicyFailedError as error:
            context.give_up_policy(error)
    if context.runtime.decisions.on:
        context.runtime.decisions.record(context.request_id, context.key.name if context.key else None, results)
    if _count(_statuses(results), context) and not asked.flat:
        locate_errors(results, asked.profiles)
    return _scores_reply(_flat(results, asked, context) if asked.flat else results, asked, context)


def _encoded(asked: ScoresRequest, profiles: Sequence[Any], context: RequestContext) -> msgspec.Raw | None:
    """The results of a block as JSON; None where each has to be looked at, or where it is no block."""
    if not isinstance(profiles, Block) or asked.reasons or asked.flat or context.runtime.decisions.on:
        return None
    served, policy = context.snapshot.served, context.snapshot.policy
    encoded = encode_answers(served, profiles, use_cases=asked.use_cases, language=asked.language, policy=policy)
    if encoded is None:
        return None
    _count(encoded.counted, context)
    return msgspec.Raw(encoded.results)


def _scores_reply(results: Any, asked: ScoresRequest, context: RequestContext) -> Reply:
    answer = {"request_id": context.request_id, "scored_at": now(), "results": results}
    if effects := stated_effects(context.snapshot.served, asked.use_cases):
        answer["effects"] = effects
    return json_reply(answer)


def stated_effects(served: Mapping[str, Live], use_cases: Sequence[str] | None) -> dict[str, StatedEffect]:
    """What the use cases of a request decide of people beside marketing, and by whom."""
    stated = {name: served[name].stated_effect for name in use_cases or served}
    return {name: effect for name, effect in stated.items() if effect is not None}


def _flat(results: list[Result], asked: ScoresRequest, context: RequestContext) -> list[dict[str, FlatValue]]:
    """The results as rows without anything nested."""
    snapshot = context.snapshot
    return flat_results(snapshot.served, results, asked.use_cases, asked.reasons, policy=snapshot.policy)


def _statuses(results: list[Result]) -> Counter[tuple[str, Status]]:
    """How many rows have each status, by use case; of a profile that is itself malformed there is none."""
    counted: Counter[tuple[str, Status]] = Counter(
        (name, score["status"]) for row in results for name, score in row["scores"].items()
    )
    counted["(none)", "invalid"] += sum(row["status"] == "invalid" for row in results)
    return counted


def _count(counted: Counter[tuple[str, Status]], context: RequestContext) -> bool:
    """Counts rows by use case and status; returns whether one is invalid."""
    for labels, count in counted.items():
        if count:
            context.runtime.registry.add(metrics.SCORING_ROWS, labels, count)
    return any(status == "invalid" and count for (_, status), count in counted.items())


def _explain(asked: ExplanationRequest, live: Live, context: RequestContext) -> Reply:
    customers, served = context.runtime.customers, context.snapshot.served
    try:
        if isinstance(asked, ExplanationById):
            context.record_or_refuse("look", [asked.customer_id], via="api", about={"route": "explanations"})
            profile = customers.ready_ids([asked.customer_id], served, [asked.use_case])[0]
        else:
            profile = customers.ready_profiles([asked.profile], served, [asked.use_case])[0]
        explanation = explain_profile(live, profile, language=asked.language)
        if isinstance(profile, PreparedProfile) and (moment := profile.moments.get(asked.use_case)):
            explanation["as_of"] = moment
    except ProfileError as error:
        raise _not_explained(asked, error) from None
    return json_reply({"request_id": context.request_id, "scored_at": now(), **explanation})


def _not_explained(asked: ExplanationRequest, error: ProfileError) -> Problem:
    """A 404 where the store has no such customer, else a 422 with every rule that the profile breaks."""
    errors = located(error.notes, ["customer_id" if asked.profile is None else "profile"], asked.profile)
    if error.notes[0]["code"] == "unknown":
        return Problem(UNKNOWN_CUSTOMER, "The online store must hold the customer, it holds no row.", errors=errors)
    return Problem(INVALID_PROFILE, str(error), errors=errors)


def served_by(context: RequestContext) -> Mapping[str, Live]:
    """The releases that a request sees.

    Raises:
        Problem: There is none.
    """
    if not context.snapshot.served:
        raise Problem(NOT_READY, "No release is being served; /readyz says why.", headers=retry_after(5))
    return context.snapshot.served


def unknown_use_case(served: Mapping[str, Live], field: str, pointers: list[str]) -> Problem:
    """A 404 for use cases that are not served; where they stand in the request."""
    detail = f"A use case must be one of those served ({', '.join(served)}), got {len(pointers)} that are not."
    error: Note = {"code": "unknown_use_case", "field": field, "detail": detail}
    return Problem(UNKNOWN_USE_CASE, detail, errors=[{**error, "pointer": place} for place in pointers])


def now() -> str:
    """This moment in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
