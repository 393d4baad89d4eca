"""The API's own description (OpenAPI 3.1), from what is being served: every route, every answer, every error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scoring.answers.served_release import Live
from serving.api.components import Schema, components, page_parameters, ref
from serving.api.use_case_document import example
from serving.api.webhooks import webhooks
from serving.http.problems import KINDS

_ALWAYS = (400, 403, 404, 405, 500)  # any path can be mistyped, any method be wrong, any host be another
_POSTED = (401, 408, 413, 415, 422, 429, 503, 504)

_IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "One of the caller's own for each call it means to make: the same key with the same body has the "
    "answer of the first call, for 24 hours, and nothing is done again; with another body it is refused.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def document(served: Mapping[str, Live]) -> Schema:
    """The whole description; its schemas name the use cases and features served at this moment."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penchant",
            "version": "1",
            "description": "What each customer will do next, why, and in which segment that puts them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"key": []}],
        "paths": _paths(served),
        "webhooks": webhooks(),
        "components": {
            "schemas": components(served),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths(served: Mapping[str, Live]) -> Schema:
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": ref("UseCaseName"),
    }
    html = {"text/html": {"schema": {"type": "string"}}}
    return {
        "/v1/scores": {
            "post": _post("scores", "Score customers", "ScoresRequest", "ScoresAnswer", _scores_example(served))
        },
        "/v1/explanations": {
            "post": _post(
                "explanations", "Explain one score", "ExplanationRequest", "Explanation", _explanation_example(served)
            )
        },
        "/v1/customers": {
            "get": _get(
                "listCustomers",
                "A page of the customers of the day in service",
                _json("CustomersListed"),
                parameters=page_parameters(),
                statuses=(401, 409, 429, 503, 504),
            )
        },
        "/v1/customers/search": {
            "post": _post(
                "searchCustomers",
                "Customers by a part of their id",
                "SearchRequest",
                "CustomersListed",
                statuses=(409,),
            )
        },
        "/v1/customers/lookup": {
            "post": _post(
                "lookUpCustomers",
                "Features, scores and segments by day",
                "LookupRequest",
                "CustomersLookedUp",
                statuses=(409,),
            )
        },
        "/v1/lists": {
            "post": _post("lists", "A list of the likeliest, with a hold-out", "ListRequest", "ListMade", once=True)
        },
        "/v1/customers/export": {
            "post": _post("exportCustomers", "What is kept of customers", "ExportRequest", "CustomersExport")
        },
        "/v1/customers/erase": {
            "post": _post(
                "eraseCustomers", "Erase customers for good", "CustomersRequest", "CustomersErased", once=True
            )
        },
        "/v1/customers/contestations": {
            "post": _post(
                "contestScore",
                "Note what a customer says against a score, or how a person answered",
                "ContestationRequest",
                "ContestationAnswer",
                once=True,
            )
        },
        "/v1/moves": {
            "post": _post("moves", "Why a score and a segment changed between two days", "MoveRequest", "MoveAnswer")
        },
        "/v1/use-cases": {"get": _get("listUseCases", "What is served", _json("UseCases"))},
        "/v1/use-cases/{name}": {
            "get": _get("getUseCase", "One use case, with an example body", _json("UseCase"), parameters=[name])
        },
        "/v1/use-cases/{name}/report": {
            "get": _get("getReport", "The training report of the served version", html, parameters=[name])
        },
        "/v1/segments": {"get": _get("listSegments", "The segments and their rules", _json("Segments"))},
        "/v1/health": {
            "get": _get(
                "health",
                "Whether scores are to be trusted, as monitoring last found, and how streams stand",
                _json("HomeHealth"),
                statuses=(401, 429, 503),
            )
        },
        "/livez": {"get": _get("livez", "Whether the worker lives", _json("Alive"))},
        "/readyz": {"get": _get("readyz", "Whether to send requests here", _json("Ready"), statuses=(503,))},
        "/metrics": {"get": _get("metrics", "Counters for Prometheus", {"text/plain": {"schema": {"type": "string"}}})},
        "/openapi.json": {"get": _get("openapi", "This document", _json("Anything"))},
        "/docs": {"get": _get("docs", "This document as a page", html)},
    }


def _post(
    operation: str,
    summary: str,
    asked: str,
    answered: str,
    example: Any = None,
    *,
    statuses: Iterable[int] = (),
    once: bool = False,
) -> Schema:
    """A call; one that is done `once` takes an idempotency key, and may be refused for it."""
    content: Schema = {"schema": ref(asked)}
    if example:
        content["example"] = example
    success = _success(_json(answered))
    if once:
        statuses = (*statuses, 409)
        success["headers"]["Idempotency-Replayed"] = {
            "description": "`true` where the answer is that of an earlier call with the same key",
            "schema": {"type": "string", "enum": ["true"]},
        }
    return {
        **({"parameters": [_IDEMPOTENCY_KEY]} if once else {}),
        "operationId": operation,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {"200": success, **_errors((*_ALWAYS, *_POSTED, *statuses))},
    }


def _get(
    operation: str, summary: str, content: Schema, *, parameters: Iterable[Schema] = (), statuses: Iterable[int] = ()
) -> Schema:
    described: Schema = {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": _success(content), **_errors((*_ALWAYS, *statuses))},
    }
    if parameters:
        described["parameters"] = list(parameters)
    return described


def _success(content: Schema) -> Schema:
    return {"description": "The answer", "headers": _request_id(), "content": content}


def _request_id() -> Schema:
    return {"X-Request-ID": {"description": "The id of this request, in logs too", "schema": {"type": "string"}}}


def _errors(statuses: Iterable[int]) -> Schema:
    """One entry a status, naming every sort of problem that carries it."""
    return {
        str(status): {
            "description": "; ".join(kind.title for kind in KINDS if kind.status == status),
            "headers": {**_request_id(), **_extra(status)},
            "content": {"application/problem+json": {"schema": ref("Problem")}},
        }
        for status in sorted(set(statuses))
    }


def _extra(status: int) -> Schema:
    if status in (429, 503, 504):
        return {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
    if status == 405:
        return {"Allow": {"description": "The methods of the route", "schema": {"type": "string"}}}
    return {}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": ref(name)}}


def _scores_example(served: Mapping[str, Live]) -> Any:
    return example(next(iter(served.values()))) if served else None


def _explanation_example(served: Mapping[str, Live]) -> Any:
    scores = _scores_example(served)
    if scores is None:
        return None
    return {"use_case": scores["use_cases"][0], "profile": scores["profiles"][0], "language": "en"}
