"""Reasons: the strongest families of features, each with the sentence of the feature that says most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.spec.feature import Feature, Polarity
from features.spec.languages import Language
from features.spec.texts.text_marks import FAMILY as TEXT
from scoring.bundle.bundle import Bundle
from scoring.bundle.families import OTHER_FACTORS
from scoring.bundle.published_contributions import rounded
from scoring.reasons.reason import Reason, ReasonPart
from scoring.reasons.sentences import catalogue_key, sentence, shown_value, shown_word, text_sentence
from scoring.text.formatting import catalogue

_OF_DATA = ("freshness", "completeness")
SHOWN_WORDS = 3  # of a text
_OF_COUNTS = ("monetary", "trend")  # amounts of what is counted, and shares of it


def named_contributions(bundle: Bundle, contributions: NDArray[np.float64]) -> dict[str, float]:
    """One row's contributions by feature; those of forbidden features are one sum, `other_factors`."""
    named: dict[str, float] = {}
    for feature, contribution in zip(bundle.features, contributions.tolist(), strict=True):
        name = OTHER_FACTORS if feature.name in bundle.forbidden else feature.name
        named[name] = named.get(name, 0.0) + contribution
    if OTHER_FACTORS in named:
        named[OTHER_FACTORS] = float(rounded(np.asarray(named[OTHER_FACTORS])))
    return named


def top_reasons(
    bundle: Bundle, values: Sequence[float], contributions: NDArray[np.float64], count: int, language: Language
) -> list[Reason]:
    """The `count` strongest families of one row by |contribution|, ties by name; those about the data stand last.

    Args:
        bundle: Whose features, families, polarity and forbidden names hold.
        values: The row as encoded, shape (features,).
        contributions: Calibrated log-odds, shape (features,).
        count: How many at most.
        language: Of the texts.
    """
    amounts, sums = contributions.tolist(), bundle.families.sums(contributions[None])[0].tolist()
    strongest = sorted(range(len(sums)), key=lambda family: -abs(sums[family]))[:count]  # they are in order of names
    found = [_reason(bundle, family, sums[family], values, amounts, language) for family in strongest]
    return [found[place][0] for place in data_last([about for _, about in found])]


def leading_feature(
    bundle: Bundle, total: float, known: Mapping[int, Any], amounts: Mapping[int, float] | Sequence[float]
) -> int:
    """The position of the feature that says most in the direction of its family's sum.

    One that `speaks_second` does so only where no other points that way.

    Args:
        bundle: Whose features they are.
        total: What the family adds.
        known: Its members' values as a reader knows them, by position.
        amounts: What each feature adds, by position.
    """
    sign = 1.0 if total >= 0 else -1.0

    def speaks(at: int) -> tuple[bool, float]:
        towards = sign * amounts[at]
        return towards > 0 and not speaks_second(bundle.features[at], known[at] is None), towards

    return max(known, key=speaks)


def words_of_reason(
    bundle: Bundle, known: Mapping[int, Any], amounts: Mapping[int, float] | Sequence[float], best: int
) -> list[str]:
    """The words of a text that stand for its reason: used, or not, as the one that says most, and in its direction.

    The arguments are those of `leading_feature`, and what it gave.
    """
    same = [
        at
        for at in known
        if bundle.features[at].family == TEXT
        and known[at] is known[best]
        and (amounts[at] >= 0) == (amounts[best] >= 0)
        and amounts[at]
    ]
    others = sorted((at for at in same if at != best), key=lambda at: -abs(amounts[at]))
    return [shown_word(bundle.features[at]) for at in (best, *others)[:SHOWN_WORDS]]


def shown_values(bundle: Bundle, family: int, values: Sequence[float]) -> dict[int, Any]:
    """What is known of a family's members, by position: in a row as encoded."""
    return {at: shown_value(bundle, bundle.features[at], values[at]) for at in bundle.families.members[family]}


def speaks_second(feature: Feature, missing: bool) -> bool:
    """Whether another feature of a family has the sentence where one can: of what is about the data, or of counts.

    Two purchases in a year say that somebody leaves; what the last of them cost, which a model weighs against its
    count, does not.
    """
    return feature.family in _OF_COUNTS or is_about_data(feature, missing)


def is_about_data(feature: Feature, missing: bool) -> bool:
    """Whether a reason speaks of what is known of a customer rather than of what they are or did.

    So does how fresh or complete the data is, and a value that is `missing` where no sentence says what that means:
    a customer who never bought has no days since the last purchase, one of an unknown occupation has one.
    """
    if not missing or feature.family in _OF_DATA:
        return feature.family in _OF_DATA
    texts = catalogue()["texts"]["en"]
    return catalogue_key(feature) not in texts or f"{feature.family}_null" not in texts


def data_last(about_data: Sequence[bool]) -> list[int]:
    """The order in which the strongest reasons are shown, as positions: those about the data after all others."""
    return sorted(range(len(about_data)), key=about_data.__getitem__)


def _reason(
    bundle: Bundle, family: int, total: float, values: Sequence[float], amounts: Sequence[float], language: Language
) -> tuple[Reason, bool]:
    """A family's reason, and whether its sentence is about the data."""
    if family == bundle.families.hidden:
        text = str(catalogue()["texts"][language][OTHER_FACTORS])
        return _worded(bundle, OTHER_FACTORS, OTHER_FACTORS, None, total, text, []), False
    known = shown_values(bundle, family, values)
    best = leading_feature(bundle, total, known, amounts) if len(known) > 1 else next(iter(known))
    feature, value = bundle.features[best], known[best]
    if feature.family == TEXT:
        text = text_sentence(words_of_reason(bundle, known, amounts, best), value, language)
    else:
        text = sentence(feature, value, language, bundle.manifest.labels_of(feature.name, language))
    parts: list[ReasonPart] = [
        {"feature": bundle.features[at].name, "value": known[at], "contribution": amounts[at]}
        for at in sorted(known, key=lambda at: -abs(amounts[at]))
    ]
    reason = _worded(bundle, feature.family, feature.name, value, total, text, parts)
    return reason, is_about_data(feature, value is None)


def _worded(
    bundle: Bundle, code: str, name: str, value: Any, amount: float, text: str, parts: list[ReasonPart]
) -> Reason:
    return {
        "code": code,
        "feature": name,
        "value": value,
        "contribution": amount,
        "direction": "raises" if amount >= 0 else "lowers",
        "favourable": is_favourable(amount, bundle.polarity),
        "text": text,
        "parts": parts,
    }


def is_favourable(contribution: float, polarity: Polarity) -> bool:
    """Whether a contribution is good news: it raises a positive score or lowers a negative one."""
    return (contribution >= 0) == (polarity == "positive")
