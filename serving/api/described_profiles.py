"""The types of posted profiles, made of the features that the served use cases have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from msgspec import Meta

from features.spec.feature import CUSTOMER_ID, Feature
from features.spec.languages import Language
from scoring.answers.served_release import Live
from scoring.answers.wire import CustomerId
from scoring.encoding.value_rules import FLOAT32_MAX, INT64
from scoring.encoding.vectorised import NUMERIC
from scoring.reasons.sentences import described
from serving.api.use_case_document import ExampleProfile, example
from serving.requests.models import ExplanationOfProfile


class ExplanationExample(TypedDict):
    """A body of POST /v1/explanations that works as it stands."""

    use_case: str
    profile: ExampleProfile
    language: Language


@dataclass(frozen=True, slots=True)
class DescribedUseCase:
    """A use case's types: a profile, the request of an explanation, and a body of it that works as it stands."""

    profile: type[msgspec.Struct]
    explanation: type[msgspec.Struct]
    example: ExplanationExample


def described_use_cases(served: Mapping[str, Live]) -> list[DescribedUseCase]:
    """The types of every use case, named after it; two names that become one get numbers."""
    titles: dict[str, int] = {}
    found = []
    for name, live in served.items():
        title = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name))
        titles[title] = titles.get(title, 0) + 1
        found.append(_described(f"{title}{titles[title] if titles[title] > 1 else ''}", name, live))
    return found


def _described(title: str, name: str, live: Live) -> DescribedUseCase:
    body, manifest = example(live)["profiles"][0], live.release.bundle.manifest
    described_as = {one.name: described(one, "en", manifest.labels_of(one.name, "en")) for one in manifest.features}
    fields = [
        (
            f"feature_{place}",
            _type_of(feature, described_as[feature.name], body["features"][feature.name]),
            msgspec.field(name=feature.name),
        )
        for place, feature in enumerate(manifest.features)
    ]
    features: Any = msgspec.defstruct(f"{title}Features", fields, forbid_unknown_fields=True, kw_only=True)
    features.__doc__ = f"Every feature of {name}, null where missing."
    identified = [(CUSTOMER_ID, CustomerId), ("features", features)]
    profile: Any = msgspec.defstruct(f"{title}Profile", identified, forbid_unknown_fields=True, kw_only=True)
    profile.__doc__ = f"A customer to score by {name}."
    explanation: Any = msgspec.defstruct(
        f"{title}ExplanationRequest",
        [("use_case", Literal[name]), ("profile", profile)],
        bases=(ExplanationOfProfile,),
        forbid_unknown_fields=True,
        kw_only=True,
    )
    explanation.__doc__ = f"A score of {name} to explain, by the customer's features."
    return DescribedUseCase(profile, explanation, {"use_case": name, "profile": body, "language": "en"})


def _type_of(feature: Feature, description: str, value: Any) -> Any:
    """The values that a feature takes, null among them; a number that is written its own way may be text too."""
    if feature.written is not None:
        description += f"; text is written {feature.written}"
    kinds = _kind(feature)
    if feature.written is not None and feature.type in NUMERIC:
        kinds |= str
    return Annotated[kinds | None, Meta(description=description, examples=None if value is None else [value])]


def _kind(feature: Feature) -> Any:
    """The type of a feature's values in JSON, within its bounds."""
    if feature.type == "integer":
        low = -INT64 if feature.lower is None else math.ceil(feature.lower)
        high = INT64 - 1 if feature.upper is None else math.floor(feature.upper)
        return Annotated[int, Meta(ge=low, le=high)]
    if feature.type == "number":
        lowest = -FLOAT32_MAX if feature.lower is None else float(feature.lower)
        highest = FLOAT32_MAX if feature.upper is None else float(feature.upper)
        return Annotated[float, Meta(ge=lowest, le=highest)]
    if feature.type == "date" and feature.written is None:
        return Annotated[str, Meta(extra_json_schema={"format": "date"})]
    return bool if feature.type == "boolean" else str
