"""One customer as a page shows them: answers, reasons, waterfalls and places, all through the scorer the API uses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.types import Feature
from scoring.answers import Live, explain_profile, score_profiles
from scoring.policy import Policy
from scoring.reasons import OTHER_FACTORS, sentence, shown_value
from scoring.wording import quantity
from serving.console.places import Place, place
from serving.console.waterfall import Step, waterfall
from serving.console.words import Words
from serving.describe import describe

REASONS = 6


@dataclass(frozen=True, slots=True)
class Told:
    """One use case's answer; the parts after `score` are empty where the customer was not scored."""

    name: str
    live: Live
    score: Mapping[str, Any]
    next_label: str | None = None
    explanation: Mapping[str, Any] | None = None
    steps: Sequence[Step] = ()

    @property
    def scored(self) -> bool:
        """Whether there is a score."""
        return bool(self.score["status"] == "scored")

    @property
    def longest(self) -> float:
        """The largest contribution, by which the bars are drawn."""
        amounts = self.explanation["contributions"].values() if self.explanation else ()
        return max(map(abs, amounts), default=0.0) or 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """One feature of the customer: what it says, its value, its place, its contribution to each score."""

    name: str
    label: str
    value: str
    exact: Any
    place: Place | None
    contributions: Mapping[str, float]  # by use case


@dataclass(frozen=True, slots=True)
class Customer:
    """A posted profile and all that is told of it."""

    answer: Mapping[str, Any]
    told: Sequence[Told]
    rows: Sequence[Row]

    @property
    def scored(self) -> list[Told]:
        """The use cases that gave a score."""
        return [told for told in self.told if told.scored]


def customer(
    served: Mapping[str, Live], profile: Any, *, use_cases: Sequence[str] | None, policy: Policy, say: Words
) -> Customer:
    """What every use case that fits says of a profile."""
    answer = score_profiles(
        served, [profile], use_cases=use_cases, reasons=REASONS, language=say.language, policy=policy
    )[0]
    told = [_told(served[name], name, score, profile, say) for name, score in answer["scores"].items()]
    return Customer(answer, told, _rows(told, profile, say))


def _told(live: Live, name: str, score: Mapping[str, Any], profile: Any, say: Words) -> Told:
    if score["status"] != "scored":
        return Told(name, live, score)
    bundle = live.release.bundle
    own = {key: value for key, value in profile["features"].items() if key in live.scorer.encoder.names}
    explanation = explain_profile(live, {**profile, "features": own}, language=say.language)
    steps = waterfall(explanation, bundle.polarity == "positive", say)
    following = score["next_band"] or {"code": None}
    label = next((band["label"] for band in live.bands[say.language] if band["code"] == following["code"]), None)
    return Told(name, live, score, label, explanation, steps)


def _rows(told: Sequence[Told], profile: Any, say: Words) -> list[Row]:
    """Every named feature once, the strongest first; features never named are one row."""
    scored = [one for one in told if one.explanation]
    rows: dict[str, Row] = {}
    for one in scored:
        bundle = one.live.release.bundle
        encoded = one.live.scorer.encoder.row(
            {feature.name: profile["features"][feature.name] for feature in bundle.features}
        )[0]
        for feature, number in zip(bundle.features, encoded, strict=True):
            if feature.name not in bundle.forbidden and feature.name not in rows:
                rows[feature.name] = _row(one, feature, number, scored, say)
        if bundle.forbidden and OTHER_FACTORS not in rows:
            text = {"en": "Other factors", "fr": "Autres facteurs"}[say.language]
            rows[OTHER_FACTORS] = Row(OTHER_FACTORS, text, "—", None, None, _contributions(scored, OTHER_FACTORS))
    return sorted(rows.values(), key=lambda row: -max(map(abs, row.contributions.values()), default=0.0))


def _row(one: Told, feature: Feature, encoded: float, scored: Sequence[Told], say: Words) -> Row:
    bundle = one.live.release.bundle
    value = shown_value(bundle, feature, encoded)
    return Row(
        feature.name,
        describe(feature, say.language),
        _value(feature, value, say),
        value,
        place(bundle, feature, encoded),
        _contributions(scored, feature.name),
    )


def _contributions(scored: Sequence[Told], name: str) -> dict[str, float]:
    return {
        one.name: one.explanation["contributions"][name]
        for one in scored
        if one.explanation and name in one.explanation["contributions"]
    }


def _value(feature: Feature, value: Any, say: Words) -> str:
    """A value with its unit; days as they are told in reasons."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return quantity(float(value), feature.unit, say.language)
    if isinstance(value, str) and feature.type == "date":
        return say.date(value)
    if isinstance(value, str):
        return value
    plain = sentence(Feature(feature.name, feature.type, names={say.language: ""}), value, say.language)
    return plain.removeprefix(": ").removeprefix(" : ").strip()
