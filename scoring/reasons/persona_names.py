"""Names of groups in both languages: two words of a reviewed catalogue, of what parts a group most from all."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from features.spec.feature import Feature
from features.spec.languages import LANGUAGES, Language
from scoring.reasons.sentences import catalogue_key, described
from scoring.text import formatting

CLEAR = 0.25  # standard deviations from all customers below which a feature does not name a group
_WORDS = 2  # of a name

Words = dict[str, dict[str, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Distinguishing:
    """One feature by which a group differs: of which coordinate, and how far up or down."""

    feature: Feature
    kind: str  # number, level or missing
    level: str | None
    difference: float  # of means, in standard deviations of all customers

    @property
    def subject(self) -> str:
        """What it is about: two features of one subject are one word of a name."""
        return (self.kind == "number" and catalogue_key(self.feature)) or self.feature.name


def group_names(
    groups: Mapping[str, Sequence[Distinguishing]], labels: Mapping[str, Mapping[str, Mapping[str, str]]]
) -> dict[str, dict[str, str]]:
    """The name of each group by code and language, no two of the same words in any order.

    Where two would have the same, each has one word more; then the one that differs most from all says so, and what is
    left is numbered.

    Args:
        groups: What each differs by, the most distinguishing first.
        labels: Of values, by language, feature and value.
    """
    names = {code: _name(found, labels, _WORDS) for code, found in groups.items()}
    for code, found in groups.items():
        if _shared(names, code):
            names[code] = _name(found, labels, _WORDS + 1)
    names = {code: _marked(own) if _most_marked(code, names, groups) else own for code, own in names.items()}
    counts: dict[str, int] = {}
    for code, own in names.items():
        counts[own["en"]] = counts.get(own["en"], 0) + 1
        if counts[own["en"]] > 1:
            names[code] = {language: f"{text} ({counts[own['en']]})" for language, text in own.items()}
    return names


def small_name(code: str) -> dict[str, str]:
    """The name of a group of few customers, which says nothing of them.

    >>> small_name("group_3")["en"]
    'Group 3, small'
    """
    number = code.rpartition("_")[2]
    return {language: catalogue_of_names()["plain"][language]["small"].format(number=number) for language in LANGUAGES}


def _shared(names: Mapping[str, Mapping[str, str]], code: str) -> bool:
    return any(own == names[code] for other, own in names.items() if other != code)


def _most_marked(
    code: str, names: Mapping[str, Mapping[str, str]], groups: Mapping[str, Sequence[Distinguishing]]
) -> bool:
    """Whether others have the same words, in whatever order, and this group differs more from all than they do."""
    alike = [other for other, own in names.items() if _words_of(own) == _words_of(names[code])]
    far = {other: sum(abs(one.difference) for one in groups[other]) for other in alike}
    return len(alike) > 1 and code == max(alike, key=lambda other: (far[other], other))


def _words_of(name: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name["en"].casefold().split(", "))


def _marked(name: Mapping[str, str]) -> dict[str, str]:
    plain = catalogue_of_names()["plain"]
    return {language: plain[language]["marked"].format(name=name[language]) for language in LANGUAGES}


def _name(
    found: Sequence[Distinguishing], labels: Mapping[str, Mapping[str, Mapping[str, str]]], most: int
) -> dict[str, str]:
    chosen: dict[str, Distinguishing] = {}
    for one in found:
        if abs(one.difference) >= CLEAR and len(chosen) < most:
            chosen.setdefault(one.subject, one)
    return {
        language: _joined([_word(one, language, labels) for one in chosen.values()], language) for language in LANGUAGES
    }


def _joined(words: Sequence[str], language: Language) -> str:
    text = ", ".join(words) or catalogue_of_names()["plain"][language]["average"]
    return text[0].upper() + text[1:]


def _word(one: Distinguishing, language: Language, labels: Mapping[str, Mapping[str, Mapping[str, str]]]) -> str:
    words, more = catalogue_of_names(), one.difference > 0
    found = words["more" if more else "less"][language].get(catalogue_key(one.feature))
    if found and one.kind == "number":
        return found
    of_values = labels.get(language, {}).get(one.feature.name, {})
    name = described(one.feature, language, of_values)
    if one.kind == "level":
        level = of_values.get(one.level or "", one.level)
        return words["plain"][language]["level" if more else "other_level"].format(name=name, level=level)
    key = {"missing": ("missing", "known"), "number": ("more", "less")}[one.kind]
    if one.feature.type == "boolean" and one.kind == "number":
        key = ("yes", "no")
    return words["plain"][language][key[0] if more else key[1]].format(name=name)


@cache
def catalogue_of_names() -> Words:
    """What stands in `scoring/text/personas.toml`."""
    file = Path(formatting.__file__).with_name("personas.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
