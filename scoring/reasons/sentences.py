"""What a feature's value says, as a sentence of a reviewed catalogue."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from features.spec.feature import MISSING, OTHER, Feature, normalise
from features.spec.languages import Language
from features.spec.texts.text_marks import FAMILY as TEXT
from scoring.bundle.bundle import Bundle
from scoring.text.formatting import calendar_date, catalogue, event_forms, number, quantity, singular

ValueLabels = Mapping[str, str]  # what people read for a feature's values in one language, by value as text
_COUNTED = ("frequency", "refund", "property")


def shown_value(bundle: Bundle, feature: Feature, encoded: float) -> Any:
    """An encoded value as a reader knows it: null, a number, a boolean, a level, an ISO date."""
    return shown_as(feature, encoded, bundle.manifest.encoder.get(feature.name, ()))


def shown_as(feature: Feature, encoded: float, levels: Sequence[str]) -> Any:
    """The same by the levels of the feature, where it is a category."""
    if feature.type == "category":
        level = levels[int(encoded)]
        return None if level == MISSING else level
    if math.isnan(encoded):
        return None
    if feature.type == "boolean":
        return bool(encoded)
    if feature.type == "date":
        return str(np.datetime64("1970-01-01", "s") + np.timedelta64(round(encoded * 86400), "s"))[:10]
    return int(encoded) if encoded.is_integer() else encoded


def text_of(bundle: Bundle, name: str, cell: str | None, language: Language) -> str:
    """The sentence of a reason that was kept as a feature's name and its cell as text; null where it is missing."""
    feature = next((one for one in bundle.features if one.name == name), None)
    if feature is None:  # the sum of what is not named, or a feature of another version
        return str(catalogue()["texts"][language].get(name, name))
    value = None if cell is None else _cell(feature, cell)
    return sentence(feature, value, language, bundle.manifest.labels_of(name, language))


def _cell(feature: Feature, text: str) -> bool | float | str:
    """What a cell kept as text was."""
    if feature.type == "boolean":
        return text in ("true", "1")
    if feature.type == "date":
        return text[:10]
    if feature.type == "category":
        return feature.spellings.get(normalise(text), text)
    value = float(text)
    return int(value) if value.is_integer() else value


def sentence(feature: Feature, value: Any, language: Language, labels: ValueLabels) -> str:
    """A value as a sentence, e.g. `Last purchase 12 days ago`; a feature outside the catalogue is `name: value`.

    Args:
        feature: Whose value it is.
        value: As a reader knows it, see `shown_value`.
        language: Of the sentence.
        labels: Of the feature's values in that language, by value.
    """
    return sentences(feature, [value], language, labels)[0]


def sentences(feature: Feature, values: Iterable[Any], language: Language, labels: ValueLabels) -> list[str]:
    """The `sentence` of each of a feature's values; what is the same for all of them is looked up once."""
    texts = catalogue()["texts"][language]
    key = catalogue_key(feature)
    if key == TEXT:
        return [text_sentence([_level(feature)], value, language) for value in values]
    if key not in texts:
        return [_plain(feature, value, language, labels) for value in values]
    words = _words(feature, language, labels)
    absent, none = texts.get(f"{feature.family}_null"), texts.get(f"{key}_zero")

    def said(value: Any) -> str:
        if value is None:
            return absent.format(**words) if absent else _plain(feature, None, language, labels)
        if value == 0 and none:
            return none.format(**words)
        text = texts[key].format(n=_quantity(feature, value, words, language), **words)
        return text[0].upper() + text[1:]

    return [said(value) for value in values]


def rest_text(language: Language) -> str:
    """What all that is not named is called."""
    return str(catalogue()["texts"][language]["other_factors"])


def text_sentence(words: Sequence[str], used: bool | None, language: Language) -> str:
    """What a text says by words that it uses, or does not; None where there is no text.

    >>> text_sentence(["delivery", "late"], True, "en"), text_sentence([], None, "en")
    ('Writes of: delivery, late', 'Has written nothing')
    """
    key = f"{TEXT}_null" if used is None else TEXT if used else f"{TEXT}_zero"
    return str(catalogue()["texts"][language][key].format(subject=", ".join(words)))


def shown_word(feature: Feature) -> str:
    """The word that a feature marks, as people read it."""
    return _level(feature)


def described(feature: Feature, language: Language, labels: ValueLabels) -> str:
    """What a feature measures, e.g. `Purchases in the last 90 days`; its own name where nothing better is known.

    `labels` are as `sentence` takes them.
    """
    if language in feature.names:
        return feature.names[language]
    name: str | None = catalogue()["names"][language].get(catalogue_key(feature))
    if name is None:
        return feature.name
    text = name.format(**_words(feature, language, labels))
    return text[0].upper() + text[1:]


def catalogue_key(feature: Feature) -> str:
    """The catalogue's key: the family, with a part of the name where a family has several sentences.

    None has a column of the profiles, in whatever group a use case puts it: no sentence is about it.
    """
    if feature.family == TEXT:
        return TEXT
    if feature.subject and feature.event is None and feature.window_days is None:
        return ""
    if feature.family == "regularity":
        return next(
            (f"regularity_{part}" for part in ("gap_mean", "gap_sd", "recency_over_gap") if part in feature.name), ""
        )
    if feature.family == "reactivity":
        return feature.name
    if feature.family == "engagement":
        parts = ("open_rate", "click_rate", "clicks_per_open")
        return next((part for part in parts if feature.name.startswith(part)), "engagement")
    return feature.family


def _words(feature: Feature, language: Language, labels: ValueLabels) -> dict[str, str]:
    texts = catalogue()["texts"][language]
    one, several, feminine = event_forms("refund" if feature.family == "refund" else feature.event, language)
    window = texts["whole"]
    if feature.window_days:
        days = quantity(feature.window_days, "days", "en") if feature.window_days > 1 else "day"
        window = texts["window"].format(days=f"{feature.window_days} derniers jours" if language == "fr" else days)
    vowel = one[0] in "aeiouyéèêh"
    return {
        "one": one,
        "several": several,
        "window": window,
        "subject": _subject(feature, language, labels),
        "Aucun": "Aucune" if feminine else "Aucun",
        "Dernier": "Dernière" if feminine else "Dernier",
        "le_dernier": "la dernière" if feminine else "le dernier",
        "d_several": f"d'{several}" if vowel else f"de {several}",
    }


def _subject(feature: Feature, language: Language, labels: ValueLabels) -> str:
    """The level that it counts by its label, a declared count by its title or else its name; else what it is about."""
    subject = feature.subject or ""
    if feature.family == TEXT:
        return _level(feature)
    if feature.family == "count":
        return feature.names.get(language) or (f"« {subject} »" if language == "fr" else f"“{subject}”")
    return labels.get(_level(feature), subject)


def _level(feature: Feature) -> str:
    """The level that a feature counts, as its labels name it; of a subject that is no level all of it."""
    return (feature.subject or "").rpartition(": ")[2]


def _quantity(feature: Feature, value: float, words: dict[str, str], language: Language) -> str:
    if feature.family in _COUNTED:
        return f"{number(value, language)} {words['one'] if singular(value, language) else words['several']}"
    if feature.family == "activity":
        return quantity(value, "days", language)
    return quantity(value, feature.unit, language)


def value_label(value: Any, labels: ValueLabels) -> str | None:
    """The label of a value; None where it has none."""
    return labels.get(str(value).lower() if isinstance(value, bool) else str(value))


def _plain(feature: Feature, value: Any, language: Language, labels: ValueLabels) -> str:
    texts = catalogue()["texts"][language]
    name = feature.names.get(language)
    if value is None:
        shown = texts["unknown"]
    elif (label := value_label(value, labels)) is not None:
        name, shown = name or feature.name, label
    elif isinstance(value, bool):
        shown = texts["yes"] if value else texts["no"]
    elif feature.type == "date":
        shown = calendar_date(float(np.datetime64(value, "D").astype(int)), language)
    elif isinstance(value, str):
        shown = texts["other"] if value == OTHER else value
    else:
        shown = quantity(float(value), feature.unit, language)
    return str(texts["named"].format(name=name, n=shown) if name else texts["bare"].format(name=feature.name, n=shown))
