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
from serving.requests.models import CustomersRequest, ExplanationById, MoveRequest, ScoresByIds, ScoresByProfiles

Schema = dict[str, Any]
_PLACE = "#/components/schemas/"
_SUFFIX = "Document"  # of the types that have the name of one of ours; their components go without it
_TYPES: tuple[Any, ...] = (
    ScoresByProfiles,
    ScoresByIds,
    ExplanationById,
    CustomersRequest,
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
    answers.Alive,
    answers.Ready,
    answers.ProblemDocument,
    answers.Anything,
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
    return dict(json.loads(renamed))


def _one_of(description: str, names: list[str]) -> Schema:
    return {"description": description, "oneOf": [ref(name) for name in names]}


def _enum(served: Mapping[str, Live]) -> Schema:
    return {"enum": list(served)} if served else {}


def _name_what_is_served(found: Schema, use_cases: list[DescribedUseCase]) -> None:
    """Puts the names of use cases, languages and profiles into the requests, and an example into each."""
    for schema in found.values():
        for name, field in schema.get("properties", {}).items():
            if name == "language":
                del field["enum"]
                field["allOf"] = [ref("Language")]
    for name in ("ScoresByProfiles", "ScoresByIds"):
        found[name]["properties"]["use_cases"]["anyOf"][0]["items"] = ref("UseCaseName")
    for name in ("ExplanationById", "MoveRequest"):
        found[name]["properties"]["use_case"] = ref("UseCaseName")
    profiles = [ref(one.profile.__name__) for one in use_cases]
    found["ScoresByProfiles"]["properties"]["profiles"]["items"] = {"anyOf": [*profiles, {}]}
    for one in use_cases:
        found[one.explanation.__name__]["examples"] = [one.example]
