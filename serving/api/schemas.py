"""JSON Schemas of what the API answers; the contract's own, with every field described."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_OBJECT: Schema = {"type": "object"}
_DATE_OR_NULL: Schema = {"type": ["string", "null"]}
_PROBABILITY: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_SCORE: Schema = {"type": "number", "minimum": 0.1, "maximum": 99.9}
_PERCENTILE: Schema = {"type": "integer", "minimum": 1, "maximum": 100}
_CODE: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
_NAMED = _object({"code": _CODE, "label": _TEXT})
_NAMED_OR_NULL: Schema = {**_NAMED, "type": ["object", "null"]}
_NEXT_BAND: Schema = {**_object({"code": _CODE, "at": _NUMBER, "distance": _NUMBER}), "type": ["object", "null"]}
_STATUSES = ["scored", "not_eligible", "insufficient_data", "stale", "opted_out", "unknown", "invalid"]
_DECISION = _object(
    {
        "at": _TEXT,
        "request_id": _TEXT,
        "caller": {"type": ["string", "null"], "description": "The name of the key"},
        "use_case": _TEXT,
        "model_version": _TEXT,
        "score": _SCORE,
        "band": _CODE,
        "segment": {"type": ["string", "null"]},
        "reasons": _list(_TEXT),
    }
)
_MOMENT = _object({"as_of": _TEXT, "policy": _TEXT, "customers": _COUNT})
_WEIGHT = _object({"feature": _TEXT, "share": {"type": "number", "minimum": 0, "maximum": 1}, "contribution": _NUMBER})
_REALISED: Schema = {
    **_object({"known": _COUNT, "hits": _COUNT, "rate": {"type": ["number", "null"]}, "low": _NUMBER, "high": _NUMBER}),
    "type": ["object", "null"],
    "description": "What members of the earlier date did, of those of whom it is known; the rate's 95% interval",
}

SCHEMAS: Schema = {
    "Anything": _OBJECT,
    "Note": _object({"code": _TEXT, "detail": _TEXT}, {"feature": _TEXT, "field": _TEXT}),
    "Problem": _object(
        {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "request_id": _TEXT},
        {"detail": _TEXT, "errors": _list(_ref("Note"))},
    ),
    "Reason": _object(
        {
            "code": _TEXT,
            "feature": _TEXT,
            "value": {},
            "contribution": {"type": "number", "description": "Calibrated log-odds"},
            "direction": {"enum": ["raises", "lowers"]},
            "text": {"type": "string", "minLength": 1},
        },
        {"favourable": {"type": "boolean"}},
    ),
    "Score": {
        **_object(
            {"status": {"enum": _STATUSES}},
            {
                "probability": _PROBABILITY,
                "score": _SCORE,
                "percentile": _PERCENTILE,
                "band": _NAMED_OR_NULL,
                "next_band": _NEXT_BAND,
                "model_version": _TEXT,
                "trained_to": _DATE_OR_NULL,
                "warnings": _list(_ref("Note")),
                "errors": _list(_ref("Note")),
                "reasons": _list(_ref("Reason")),
            },
        ),
        "if": {"properties": {"status": {"const": "scored"}}},
        "then": {
            "required": ["probability", "score", "percentile", "band", "model_version", "warnings", "reasons"],
        },
    },
    "Result": _object(
        {
            "customer_id": {"type": ["string", "null"]},
            "status": {"enum": ["ok", "invalid"]},
            "segment": _NAMED_OR_NULL,
            "scores": {"type": "object", "additionalProperties": _ref("Score")},
        },
        {"errors": _list(_ref("Note"))},
    ),
    "Scores": _object({"request_id": _TEXT, "scored_at": _TEXT, "results": _list(_ref("Result"))}),
    "Explanation": _object(
        {
            "use_case": _TEXT,
            "eligible": {"type": "boolean"},
            "base_value": _NUMBER,
            "contributions": {"type": "object", "additionalProperties": _NUMBER},
            "margin": _NUMBER,
            "calibration": _object({"a": _NUMBER, "b": _NUMBER}),
            "probability": _PROBABILITY,
            "score": _SCORE,
            "percentile": _PERCENTILE,
            "band": _NAMED,
            "next_band": _NEXT_BAND,
            "reasons": _list(_ref("Reason")),
            "warnings": _list(_ref("Note")),
            "model_version": _TEXT,
            "trained_to": _DATE_OR_NULL,
            "request_id": _TEXT,
            "scored_at": _TEXT,
        }
    ),
    "Feature": _object(
        {
            "name": _TEXT,
            "type": {"enum": ["number", "integer", "boolean", "category", "date"]},
            "unit": {"type": ["string", "null"]},
            "nullable": {"type": "boolean"},
            "description": _TEXT,
        }
    ),
    "UseCase": _object(
        {
            "name": _TEXT,
            "polarity": {"enum": ["positive", "negative"]},
            "model_version": _TEXT,
            "features": _list(_ref("Feature")),
            "example": _ref("ScoresRequest"),
            "bands": _OBJECT,
            "metrics": {"type": "object", "additionalProperties": {}},
            "receipt": _OBJECT,
            "intended_use": _OBJECT,
        },
        {"trained_to": _DATE_OR_NULL, "kind": _TEXT, "released_at": _DATE_OR_NULL, "events": _OBJECT},
    ),
    "UseCases": _object(
        {"use_cases": _list(_object({"name": _TEXT, "polarity": _TEXT, "model_version": _TEXT, "href": _TEXT}))}
    ),
    "Segments": _object(
        {
            "policy": _TEXT,
            "use_cases": _list(_TEXT),
            "segments": _list(_ref("Segment")),
            "report": {
                "description": "The two snapshots that `became` compares, and the name of what was realised",
                **_object({"before": _MOMENT, "after": _MOMENT, "outcome": {"type": ["string", "null"]}}),
                "type": ["object", "null"],
            },
        }
    ),
    "Segment": _object(
        {"code": _CODE, "labels": _OBJECT, "rule": _TEXT, "became": {"anyOf": [_ref("Became"), {"type": "null"}]}},
        {
            "level": {"enum": [1, 2, 3]},
            "parent": {"type": ["string", "null"]},
            "exclusive": {"type": "boolean"},
            "priority": {"type": "integer"},
            "size": {**_COUNT, "type": ["integer", "null"]},
        },
    ),
    "Became": _object(
        {
            "before": _COUNT,
            "after": _COUNT,
            "predicted": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
            "reasons": {"type": "object", "additionalProperties": _list(_WEIGHT)},
            "scores": {
                "type": "object",
                "additionalProperties": _list(_COUNT),
                "description": "Members of the later date by tenth of the probability",
            },
            "realised": _REALISED,
        }
    ),
    "CustomersExport": _object(
        {
            "request_id": _TEXT,
            "customers": _list(
                _object(
                    {
                        "customer_id": _TEXT,
                        "store": _list(_object({"as_of": _TEXT, "features": _OBJECT})),
                        "decisions": _list(_DECISION),
                        "opted_out": {"type": "boolean"},
                        "erased_at": _DATE_OR_NULL,
                        "requests": _list(_object({"file": _TEXT, "profile": _OBJECT})),
                    }
                )
            ),
        }
    ),
    "CustomersErased": _object(
        {
            "request_id": _TEXT,
            "customers": _list(
                _object(
                    {
                        "customer_id": _TEXT,
                        "removed": {"type": "object", "additionalProperties": _COUNT},
                        "pending": {
                            "type": "boolean",
                            "description": "Whether bytes are still to be written over, which nobody is given any more",
                        },
                    }
                )
            ),
        }
    ),
    "Alive": _object({"status": {"const": "alive"}}),
    "Ready": _object({"status": {"const": "ready"}, "use_cases": _OBJECT, "refused": _OBJECT}),
}
