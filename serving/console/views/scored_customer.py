"""One customer as a page shows them: answers, reasons, waterfalls and ranks, all through the scorer the API uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from features.spec.feature import Feature, Row
from scoring.answers.explain import explain_profile
from scoring.answers.prepared_profile import PreparedProfile
from scoring.answers.score import score_profiles
from scoring.answers.served_release import Live
from scoring.answers.wire import ExplainedScore, Result, Score
from scoring.bundle.families import OTHER_FACTORS
from scoring.reasons.reason import Reason
from scoring.reasons.reasons import is_favourable
from scoring.reasons.sentences import ValueLabels, sentence, shown_value, value_label
from scoring.segments.policy import Policy
from scoring.text.formatting import catalogue
from serving.console.views.named_features import shown_feature
from serving.console.views.percentile import Rank, rank_of
from serving.console.views.waterfall import Step, waterfall
from serving.console.web.i18n import Texts

REASONS = 6


@dataclass(frozen=True, slots=True)
class PartInWords:
    """One feature of a reason's family, with what it adds by itself."""

    text: str
    contribution: float
    favourable: bool


@dataclass(frozen=True, slots=True)
class UseCaseAnswer:
    """One use case's answer; the parts after `score` are empty where the customer was not scored."""

    name: str
    live: Live
    score: Score
    next_label: str | None = None
    explanation: ExplainedScore | None = None
    steps: Sequence[Step] = ()
    parts: Mapping[str, Sequence[PartInWords]] = field(default_factory=dict)  # of families of several features

    @property
    def scored(self) -> bool:
        """Whether there is a score."""
        return self.score["status"] == "scored"

    @property
    def longest(self) -> float:
        """The largest contribution, by which the bars are drawn."""
        if self.explanation is None:
            return 1.0
        sums = [reason["contribution"] for reason in self.explanation["reasons"]]
        return max(map(abs, [*sums, *self.explanation["contributions"].values()]), default=0.0) or 1.0


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One feature of the customer: its label, its value, its rank, its contribution to each score."""

    name: str
    label: str
    value: str
    exact: Any
    rank: Rank | None
    contributions: Mapping[str, float]  # by use case


@dataclass(frozen=True, slots=True)
class ScoredCustomer:
    """A posted profile, its answer, and what is shown of it."""

    answer: Result
    use_cases: Sequence[UseCaseAnswer]
    rows: Sequence[FeatureRow]

    @property
    def scored(self) -> list[UseCaseAnswer]:
        """The use cases that gave a score."""
        return [one for one in self.use_cases if one.scored]

    @property
    def silent(self) -> list[UseCaseAnswer]:
        """Those that gave none."""
        return [one for one in self.use_cases if not one.scored]


def scored_customer(
    served: Mapping[str, Live], profile: Any, *, use_cases: Sequence[str] | None, policy: Policy, texts: Texts
) -> ScoredCustomer:
    """What every use case that fits says of a profile."""
    answer = score_profiles(
        served, [profile], use_cases=use_cases, reasons=REASONS, language=texts.language, policy=policy
    )[0]
    answers = [_use_case_answer(served[name], name, score, profile, texts) for name, score in answer["scores"].items()]
    return ScoredCustomer(answer, answers, _rows(answers, profile, texts))


def features_of(profile: Any, name: str) -> Row:
    """A sound profile's features for one use case, as posted or as made from its events."""
    return profile.features[name] if isinstance(profile, PreparedProfile) else profile["features"]


def features_in(profile: Any) -> Row:
    """All features of a sound profile."""
    if not isinstance(profile, PreparedProfile):
        return dict(profile["features"])
    return {name: value for features in profile.features.values() for name, value in features.items()}


def with_features(profile: Any, changed: Row) -> Any:
    """A sound profile with other values of its features."""
    if not isinstance(profile, PreparedProfile):
        return {**profile, "features": {**profile["features"], **changed}}
    made = {
        use_case: {name: changed.get(name, value) for name, value in features.items()}
        for use_case, features in profile.features.items()
    }
    return replace(profile, features=made)


def _use_case_answer(live: Live, name: str, score: Score, profile: Any, texts: Texts) -> UseCaseAnswer:
    if score["status"] != "scored":
        return UseCaseAnswer(name, live, score)
    bundle = live.release.bundle
    own = {key: value for key, value in features_of(profile, name).items() if key in live.scorer.encoder.posted}
    alone = {"customer_id": "one", "features": own}
    explanation = explain_profile(live, alone, language=texts.language)
    steps = waterfall(explanation, bundle.polarity == "positive", texts)
    following = score["next_band"] or {"code": None}
    label = next((band["label"] for band in live.bands[texts.language] if band["code"] == following["code"]), None)
    parts = {reason["feature"]: _parts(live, reason, texts) for reason in score["reasons"] if len(reason["parts"]) > 1}
    return UseCaseAnswer(name, live, score, label, explanation, steps, parts)


def _parts(live: Live, reason: Reason, texts: Texts) -> list[PartInWords]:
    """What a reason is made of: each feature by the sentence of its value."""
    bundle, language = live.release.bundle, texts.language
    features = {feature.name: feature for feature in bundle.features}
    return [
        PartInWords(
            texts.kept_together(
                sentence(features[name], part["value"], language, bundle.manifest.labels_of(name, language))
            ),
            part["contribution"],
            is_favourable(part["contribution"], bundle.polarity),
        )
        for part in reason["parts"]
        if (name := part["feature"])
    ]


def _rows(answers: Sequence[UseCaseAnswer], profile: Any, texts: Texts) -> list[FeatureRow]:
    """Every named feature once, the strongest first; features never named are one row."""
    scored = [one for one in answers if one.explanation]
    rows: dict[str, FeatureRow] = {}
    for one in scored:
        bundle = one.live.release.bundle
        posted = features_of(profile, one.name)
        reads = one.live.scorer.encoder
        encoded = reads.row({name: value for name, value in posted.items() if name in reads.posted})[0]
        for feature, number in zip(bundle.features, encoded, strict=True):
            if feature.name not in bundle.forbidden and feature.name not in rows:
                rows[feature.name] = _row(one, feature, number, scored, texts)
        if bundle.forbidden and OTHER_FACTORS not in rows:
            text = catalogue()["texts"][texts.language][OTHER_FACTORS]
            rows[OTHER_FACTORS] = FeatureRow(
                OTHER_FACTORS, text, "—", None, None, _contributions(scored, OTHER_FACTORS)
            )
    return sorted(rows.values(), key=lambda row: -max(map(abs, row.contributions.values()), default=0.0))


def _row(
    one: UseCaseAnswer, feature: Feature, encoded: float, scored: Sequence[UseCaseAnswer], texts: Texts
) -> FeatureRow:
    bundle = one.live.release.bundle
    value, labels = shown_value(bundle, feature, encoded), bundle.manifest.labels_of(feature.name, texts.language)
    return FeatureRow(
        feature.name,
        texts.kept_together(_label(feature, value, labels, texts)),
        shown_feature(feature, value, labels, texts),
        value,
        rank_of(bundle, feature, encoded),
        _contributions(scored, feature.name),
    )


def _contributions(scored: Sequence[UseCaseAnswer], name: str) -> dict[str, float]:
    return {
        one.name: one.explanation["contributions"][name]
        for one in scored
        if one.explanation and name in one.explanation["contributions"]
    }


def _label(feature: Feature, value: Any, labels: ValueLabels, texts: Texts) -> str:
    """Its declared name, else what its value says in a reviewed sentence, else its own name."""
    if texts.language in feature.names or value_label(value, labels) is not None:
        return feature.names.get(texts.language, feature.name)
    text = sentence(feature, value, texts.language, labels)
    return feature.name if text.startswith(f"{feature.name} = ") else text
