"""The components of the described API, made of the types that declare requests and answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from features.spec.languages import LANGUAGES
from scoring.answers.served_release import Live
from scoring.answers.wire import Explanation, FlatScores, MoveAnswer, Scores
from serving.api import answers
from serving.api.described_profiles import DescribedUseCase, described_use_cases
from serving.api.home_health import HomeHealthDocument
from serving.api.webhooks import TYPES as SENT
from serving.requests.models import (
    ContestationRequest,
    CustomersRequest,
    ExplanationById,
    ExportRequest,
    MoveRequest,
    ScoresByIds,
    ScoresByProfiles,
)
from serving.requests.population_models import ListRequest, LookupRequest, PageParameters, SearchRequest

Schema = dict[str, Any]
_PLACE = "#/components/schemas/"
_SUFFIX = "Document"  # of the types that have the name of one of ours; their components go without it
_TYPES: tuple[Any, ...] = (
    ScoresByProfiles,
    ScoresByIds,
    ExplanationById,
    CustomersRequest,
    ExportRequest,
    MoveRequest,
    Scores,
    FlatScores,
    Explanation,
    MoveAnswer,
    answers.UseCaseDocument,
    answers.UseCases,
    answers.Segments,
    answers.CustomersExport,
    answers.CustomersErased,
    ContestationRequest,
    answers.ContestationAnswer,
    SearchRequest,
    LookupRequest,
    ListRequest,
    answers.CustomersListed,
    answers.CustomersLookedUp,
    answers.ListMade,
    HomeHealthDocument,
    answers.Alive,
    answers.Ready,
    answers.ProblemDocument,
    answers.Anything,
    *SENT,
)


def ref(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"{_PLACE}{name}"}


def components(served: Mapping[str, Live]) -> Schema:
    """Every component by its name; those of requests have the use cases and features that are served."""
    use_cases = described_use_cases(served)
    types = (*_TYPES, *(one.explanation for one in use_cases))
    _, found = msgspec.json.schema_components(types, ref_template=_PLACE + "{name}")
    _name_what_is_served(found, use_cases)
    explained = [one.explanation.__name__ for one in use_cases]
    whole = {
        "ScoresRequest": _one_of("Whom to score, in one of two ways.", ["ScoresByProfiles", "ScoresByIds"]),
        "ScoresAnswer": _one_of("One result a customer, flat where that was asked for.", ["Scores", "FlatScores"]),
        "ExplanationRequest": _one_of("Whose score to explain.", [*explained, "ExplanationById"]),
        "UseCaseName": {"type": "string", "description": "A use case that is served.", **_enum(served)},
        "Language": {"type": "string", "description": "French or English.", "enum": list(LANGUAGES)},
        **found,
    }
    renamed = json.dumps(whole).replace(f'{_SUFFIX}"', '"')
    return dict(json.loads(renamed, object_hook=_as_list))


def _as_list(schema: Schema) -> Schema:
    """An array of so many items alike as generators know it: by the schema of one, not of each."""
    if "prefixItems" not in schema:
        return schema
    kept = {key: value for key, value in schema.items() if key != "prefixItems"}
    return {**kept, "items": schema["prefixItems"][0]}


def page_parameters() -> list[Schema]:
    """The parameters of GET /v1/customers, of the type that reads them."""
    _, found = msgspec.json.schema_components([PageParameters], ref_template=_PLACE + "{name}")
    return [_parameter(name, schema) for name, schema in found[PageParameters.__name__]["properties"].items()]


def _parameter(name: str, schema: Schema) -> Schema:
    """One of them; an address knows no null."""
    about = {key: schema[key] for key in ("description",) if key in schema}
    plain = next((one for one in schema.get("anyOf", []) if one.get("type") != "null"), schema)
    kept = {key: value for key, value in plain.items() if key not in ("description", "default")}
    if "enum" in kept:
        kept["enum"] = [one for one in kept["enum"] if one is not None]
    return {"name": name, "in": "query", **about, "schema": ref("UseCaseName") if name == "use_case" else kept}


def _one_of(description: str, names: list[str]) -> Schema:
    return {"description": description, "oneOf": [ref(name) for name in names]}


def _enum(served: Mapping[str, Live]) -> Schema:
    return {"enum": list(served)} if served else {}


def _name_what_is_served(found: Schema, use_cases: list[DescribedUseCase]) -> None:
    """Puts the names of use cases, languages and profiles into the requests, and an example into each."""
    for schema in found.values():
        for name, field in schema.get("properties", {}).items():
            if name == "language" and "enum" in field:
                del field["enum"]
                field["allOf"] = [ref("Language")]
    for name in ("ScoresByProfiles", "ScoresByIds"):
        found[name]["properties"]["use_cases"]["anyOf"][0]["items"] = ref("UseCaseName")
    for name in ("ExplanationById", "MoveRequest", "ContestationRequest"):
        found[name]["properties"]["use_case"] = ref("UseCaseName")
    profiles = [ref(one.profile.__name__) for one in use_cases]
    found["ScoresByProfiles"]["properties"]["profiles"]["items"] = {"anyOf": [*profiles, {}]}
    for one in use_cases:
        found[one.explanation.__name__]["examples"] = [one.example]
