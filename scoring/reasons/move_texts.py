"""Why a score and a segment moved, as sentences: of the reasons' catalogue, and of the messages on moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.spec.languages import Language
from scoring.bundle.bundle import Bundle
from scoring.bundle.families import OTHER_FACTORS
from scoring.reasons.reasons import data_last, is_about_data, leading_feature, shown_values
from scoring.reasons.sentences import sentence, shown_value
from scoring.text.formatting import catalogue, iso_date, listed, number, unbreakable
from scoring.text.messages import texts

SHOWN = 3  # features that are named


@dataclass(frozen=True, slots=True)
class MovedScore:
    """A score on two days, with the rows as the later model encodes them, each shape (features,)."""

    before: float
    after: float
    bundle: Bundle
    values_before: Sequence[float]
    values_after: Sequence[float]
    changes: Mapping[str, float]  # by feature, in log-odds
    model: float = 0.0  # what another version adds by itself
    versions: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class MovedSegment:
    """A segment on two days by its label, and whose rules began or ceased to hold."""

    before: str | None
    after: str | None
    began: Sequence[str] = ()
    ceased: Sequence[str] = ()
    new_policy: bool = False
    stay_over: bool = False  # whether a minimum stay is why


def move_text(
    days: tuple[str, str], unscored: Sequence[str], score: MovedScore | None, segment: MovedSegment, language: Language
) -> str:
    """The whole move in a few sentences.

    Args:
        days: The earlier and the later one, as ISO dates.
        unscored: Those of them without a score.
        score: What moved it; None where a day has none.
        segment: What became of the segment.
        language: Of the sentences.
    """
    first, last = (iso_date(day, language) for day in days)
    if score is None:
        shown = listed([iso_date(day, language) for day in unscored], language)
        about = [texts(language)["move_no_score"].format(days=shown)]
    else:
        about = list(_score_sentences(score, first, last, language))
    return " ".join([*about, *_segment_sentences(segment, language)])


def _score_sentences(score: MovedScore, first: str, last: str, language: Language) -> Iterator[str]:
    messages = texts(language)
    key = "move_stayed"
    if score.after != score.before:
        key = "move_rose" if score.after > score.before else "move_fell"
    before, after = (number(value, language, decimals=1) for value in (score.before, score.after))
    yield messages[key].format(before=before, after=after, first=first, last=last)
    part = unbreakable(" ; ") if language == "fr" else "; "
    shown = _strongest(score)
    for key, sign in (("move_raised", 1), ("move_lowered", -1)):
        named = [name for name, total in shown.items() if total * sign > 0]
        if named:
            yield messages[key].format(reasons=part.join(_change(score, name, language) for name in named))
    if score.model:
        key = "move_model_raised" if score.model > 0 else "move_model_lowered"
        yield messages[key].format(old=score.versions[0], new=score.versions[1])


def _strongest(score: MovedScore) -> dict[str, float]:
    """The families that changed most, by the feature that says most in the direction of the sum of their changes.

    Those about the data stand last, as in an answer's reasons; what is never named is `other_factors`.
    """
    bundle = score.bundle
    amounts = [score.changes.get(feature.name, 0.0) for feature in bundle.features]
    sums = bundle.families.sums(np.asarray([amounts]))[0].tolist()
    hidden = bundle.families.hidden
    if hidden is not None:
        sums[hidden] = score.changes.get(OTHER_FACTORS, 0.0)
    strongest = sorted((at for at, total in enumerate(sums) if total), key=lambda at: -abs(sums[at]))[:SHOWN]
    named: list[tuple[str, float, bool]] = []
    for family in strongest:
        if family == hidden:
            named.append((OTHER_FACTORS, sums[family], False))
        else:
            known = shown_values(bundle, family, score.values_after)
            best = leading_feature(bundle, sums[family], known, amounts)
            feature = bundle.features[best]
            named.append((feature.name, sums[family], is_about_data(feature, known[best] is None)))
    return {named[at][0]: named[at][1] for at in data_last([about for _, _, about in named])}


def _position(score: MovedScore, name: str) -> int:
    return next(place for place, feature in enumerate(score.bundle.features) if feature.name == name)


def _change(score: MovedScore, name: str, language: Language) -> str:
    """What a feature says of the customer now, and what it said before."""
    if name == OTHER_FACTORS:
        return str(catalogue()["texts"][language][OTHER_FACTORS])
    position = _position(score, name)
    feature, labels = score.bundle.features[position], score.bundle.manifest.labels_of(name, language)
    earlier, now = (
        sentence(feature, shown_value(score.bundle, feature, values[position]), language, labels)
        for values in (score.values_before, score.values_after)
    )
    key = "move_unchanged" if now == earlier else "move_before"
    return texts(language)[key].format(text=now, earlier=earlier[0].lower() + earlier[1:])


def _segment_sentences(segment: MovedSegment, language: Language) -> Iterator[str]:
    messages = texts(language)
    before, after = (_named(label, language) for label in (segment.before, segment.after))
    key = "move_same_segment" if segment.before == segment.after else "move_segment"
    yield messages[key].format(before=before, after=after)
    for key, labels in (("move_began", segment.began), ("move_ceased", segment.ceased)):
        if labels:
            yield messages[key].format(segments=listed([_named(label, language) for label in labels], language))
    if segment.new_policy:
        yield messages["move_policy"]
    if segment.stay_over:
        yield messages["move_stay_over"]


def _named(label: str | None, language: Language) -> str:
    messages = texts(language)
    return messages["move_no_segment"] if label is None else messages["move_segment_name"].format(label=label)
