"""The API's own description (OpenAPI 3.1), from what is being served: every route, every answer, every error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from features.spec.feature import Feature
from features.spec.languages import LANGUAGES
from scoring.answers.score import MAX_REASONS
from scoring.answers.served_release import Live
from scoring.encoding.value_rules import FLOAT32_MAX
from serving.api import schemas as answers_schema
from serving.api.use_case_document import example
from serving.http.problems import KINDS
from serving.requests.models import MAX_PROFILES

Schema = dict[str, Any]
CUSTOMER: Schema = {"type": ["string", "integer"], "minLength": 1}  # an integer is answered with its text
_ALWAYS = (400, 403, 404, 405, 500)  # any path can be mistyped, any method be wrong, any host be another
_POSTED = (401, 408, 413, 415, 422, 429, 503, 504)


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
        "components": {
            "schemas": {**_requests(served), **answers_schema.SCHEMAS},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths(served: Mapping[str, Live]) -> Schema:
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string", **({"enum": list(served)} if served else {})},
    }
    html = {"text/html": {"schema": {"type": "string"}}}
    return {
        "/v1/scores": {"post": _post("scores", "Score customers", "ScoresRequest", "Scores", _scores_example(served))},
        "/v1/explanations": {
            "post": _post(
                "explanations", "Explain one score", "ExplanationRequest", "Explanation", _explanation_example(served)
            )
        },
        "/v1/customers/export": {
            "post": _post("exportCustomers", "What is kept of customers", "CustomersRequest", "CustomersExport", None)
        },
        "/v1/customers/erase": {
            "post": _post("eraseCustomers", "Erase customers for good", "CustomersRequest", "CustomersErased", None)
        },
        "/v1/use-cases": {"get": _get("listUseCases", "What is served", _json("UseCases"))},
        "/v1/use-cases/{name}": {
            "get": _get("getUseCase", "One use case, with an example body", _json("UseCase"), parameters=[name])
        },
        "/v1/use-cases/{name}/report": {
            "get": _get("getReport", "The training report of the served version", html, parameters=[name])
        },
        "/v1/segments": {"get": _get("listSegments", "The segments and their rules", _json("Segments"))},
        "/livez": {"get": _get("livez", "Whether the worker lives", _json("Alive"))},
        "/readyz": {"get": _get("readyz", "Whether to send requests here", _json("Ready"), statuses=(503,))},
        "/metrics": {"get": _get("metrics", "Counters for Prometheus", {"text/plain": {"schema": {"type": "string"}}})},
        "/openapi.json": {"get": _get("openapi", "This document", _json("Anything"))},
        "/docs": {"get": _get("docs", "This document as a page", html)},
    }


def _post(operation: str, summary: str, asked: str, answered: str, example: Any) -> Schema:
    content: Schema = {"schema": _ref(asked)}
    if example:
        content["example"] = example
    return {
        "operationId": operation,
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {"200": _success(_json(answered)), **_errors((*_ALWAYS, *_POSTED))},
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
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
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
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _requests(served: Mapping[str, Live]) -> Schema:
    language = {"type": "string", "enum": list(LANGUAGES), "default": "en"}
    names = {"type": "string", **({"enum": list(served)} if served else {})}
    return {
        "ScoresRequest": {
            "oneOf": [
                _scores_request(names, language, "profiles", _profiles(), left_out="customer_ids"),
                _scores_request(names, language, "customer_ids", customer_ids(), left_out="profiles"),
            ]
        },
        "CustomersRequest": {
            "type": "object",
            "additionalProperties": False,
            "required": ["customer_ids"],
            "properties": {"customer_ids": customer_ids()},
        },
        "ExplanationRequest": {
            "oneOf": [_explanation_request(name, live, language) for name, live in served.items()]
            or [{"type": "object"}]
        },
    }


def _scores_request(names: Schema, language: Schema, key: str, whom: Schema, *, left_out: str) -> Schema:
    """A request that says whom to score in one of two ways; null is as good as left out."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key],
        "properties": {
            key: whom,
            left_out: {"type": "null"},
            "use_cases": {
                "type": ["array", "null"],
                "items": names,
                "minItems": 1,
                "uniqueItems": True,
                "description": "Left out: for each row those all of whose features are there",
            },
            "reasons": {"type": "integer", "minimum": 0, "maximum": MAX_REASONS, "default": 0},
            "language": language,
        },
    }


def _profiles() -> Schema:
    items = {"description": "A profile; one that is not is answered as invalid, the others as usual"}
    return {"type": "array", "minItems": 1, "maxItems": MAX_PROFILES, "items": items}


def customer_ids() -> Schema:
    """A list of ids."""
    return {"type": "array", "minItems": 1, "maxItems": MAX_PROFILES, "items": CUSTOMER}


def _explanation_request(name: str, live: Live, language: Schema) -> Schema:
    features = live.release.bundle.features
    profile = {
        "type": "object",
        "additionalProperties": False,
        "required": ["customer_id", "features"],
        "properties": {
            "customer_id": CUSTOMER,
            "features": {
                "type": "object",
                "additionalProperties": False,
                "required": [feature.name for feature in features],
                "properties": {feature.name: _feature(feature) for feature in features},
            },
        },
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["use_case", "profile"],
        "properties": {"use_case": {"const": name}, "profile": profile, "language": language},
    }


def _feature(feature: Feature) -> Schema:
    """The values a feature can take; null always."""
    if feature.type == "boolean":
        return {"type": ["boolean", "null"]}
    if feature.type == "category":
        return {"type": ["string", "null"], "examples": list(feature.levels[:3])}
    if feature.type == "date":
        if feature.written is None:
            return {"type": ["string", "null"], "format": "date"}
        return {"type": ["string", "null"], "description": f"In ISO 8601, or written {feature.written}."}
    most = int(FLOAT32_MAX) if feature.type == "integer" else FLOAT32_MAX
    lower = -most if feature.lower is None else feature.lower
    upper = most if feature.upper is None else feature.upper
    bounds: Schema = {"minimum": lower, "maximum": upper}
    if feature.written is None:
        return {"type": [feature.type, "null"], **bounds}
    return {"type": [feature.type, "string", "null"], **bounds, "description": f"Text is written {feature.written}."}


def _scores_example(served: Mapping[str, Live]) -> Any:
    return example(next(iter(served.values()))) if served else None


def _explanation_example(served: Mapping[str, Live]) -> Any:
    scores = _scores_example(served)
    if scores is None:
        return None
    return {"use_case": scores["use_cases"][0], "profile": scores["profiles"][0], "language": "en"}
