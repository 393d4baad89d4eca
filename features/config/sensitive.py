"""Columns and levels that may tell what art. 9 of the GDPR protects, by the words of a reviewed catalogue.

`sensitive_words.toml` has the words, in French and English. A word is found whatever its case, accents or plural,
parted by a sign, by a capital or not at all (`sans_gluten`, `glutenFree`, `GLUTENFREE`), and never within another word.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints

from features.config.value_types import Section
from features.spec.feature import Finding, Scalar

Topic = Literal["health", "religion", "origin", "sex_life", "opinions", "union"]
By = Literal["name", "level"]
TOPICS: Mapping[Topic, str] = {
    "health": "health",
    "religion": "religion",
    "origin": "origin",
    "sex_life": "sex life",
    "opinions": "opinions",
    "union": "union membership",
}
RULE = "sensitive_column"
_LISTS: Mapping[By, tuple[Sequence[str], Sequence[str]]] = {  # what counts anywhere, and what only by itself
    "name": (("words", "names"), ("whole", "whole_names")),
    "level": (("words",), ("whole",)),
}
_SMALL = frozenset(("de", "d", "du", "des", "la", "le", "les", "l", "of", "the"))  # `pays_naissance` has none
_PLURAL = "(?:s|x|es)?"
_LIGATURES = {"œ": "oe", "æ": "ae", "ß": "ss"}
_parts = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Ý])")
_Stated = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class AcceptedSensitive(Section):
    """Why a column that may tell something sensitive is used all the same, and who answers for that."""

    reason: _Stated
    owner: _Stated


@dataclass(frozen=True, slots=True)
class SensitiveWord:
    """What a name or a level may tell, and the words of it that do."""

    topic: Topic
    word: str


@dataclass(frozen=True, slots=True)
class SensitiveColumn:
    """A column, one level of it, or what is made of it, that may tell something sensitive."""

    column: str
    found: SensitiveWord
    by: By
    accepted: AcceptedSensitive | None

    @property
    def why_dropped(self) -> str:
        """Why it is no feature."""
        return f"it may tell {TOPICS[self.found.topic]} by its {self.by}, and nobody has accepted that"

    def finding(self) -> Finding:
        """What is reported of it."""
        shown = f"{self.column!r} may tell {TOPICS[self.found.topic]} by its {self.by} ({self.found.word!r})"
        figures: dict[str, Scalar] = {"topic": self.found.topic, "by": self.by, "word": self.found.word}
        if self.accepted is None:
            detail = f"{shown}: left out until [accepted_sensitive] gives it a reason and an owner."
            return Finding(RULE, self.column, "warn", detail, figures)
        why = f"{self.accepted.reason} ({self.accepted.owner})"
        return Finding(RULE, self.column, "warn", f"{shown}. Accepted: {why}", {**figures, "accepted": why})


def sensitive_name(name: str) -> SensitiveWord | None:
    """What the name of a column may tell; None where it tells nothing of the kind.

    >>> sensitive_name("Intolérances_Lactose").topic, sensitive_name("culture")
    ('health', None)
    """
    return _found(_words(name), "name")


def sensitive_level(level: str) -> SensitiveWord | None:
    """The same of a category's level."""
    return _found(_words(level), "level")


def sensitive_column(
    column: str, levels: Iterable[str], accepted: Mapping[str, AcceptedSensitive]
) -> SensitiveColumn | None:
    """A column that may tell something by its name, else by one of its levels; None where it does not.

    Args:
        column: Its name.
        levels: Those that would count by themselves.
        accepted: What is accepted, by column.
    """
    if named := sensitive_name(column):
        return SensitiveColumn(column, named, "name", accepted.get(column))
    found = next((word for level in levels if (word := sensitive_level(level))), None)
    return SensitiveColumn(column, found, "level", accepted.get(column)) if found else None


def _found(words: str, kind: By) -> SensitiveWord | None:
    for topic, vocabulary in _vocabularies(kind).items():
        if vocabulary.may_stand_in(words) and (match := vocabulary.pattern.search(words)):
            return SensitiveWord(topic, match[0])
    return None


def _words(text: str) -> str:
    """The words of a text, one blank between: without accents, digits, signs and small words, in small letters."""
    parted = _parts.sub(" ", text)
    spelled = "".join(_LIGATURES.get(sign, sign) for sign in parted.casefold())
    plain = "".join(sign for sign in unicodedata.normalize("NFD", spelled) if not unicodedata.combining(sign))
    return " ".join(word for word in re.findall(r"[^\W\d_]+", plain) if word not in _SMALL)


@dataclass(frozen=True)
class _Vocabulary:
    """A topic's entries: those that count anywhere, and those that do only by themselves."""

    anywhere: Sequence[str]
    alone: Sequence[str]

    def may_stand_in(self, words: str) -> bool:
        """Whether the last word of an entry is in the text: few are, and to compile a pattern takes long."""
        return any(stem in words for stem in self._stems)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What is searched for."""
        anywhere = "|".join(sorted(set(map(_form, self.anywhere)), key=lambda form: (-len(form), form)))
        whole = "|".join(sorted(set(map(_form, self.alone)))) or "(?!)"
        return re.compile(rf"(?:(?<=\s)|^)(?:{anywhere})(?=\s|$)|^(?:{whole})$")

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(_words(entry.split()[-1]) for entry in (*self.anywhere, *self.alone))


@cache
def _vocabularies(kind: By) -> Mapping[Topic, _Vocabulary]:
    """What is searched for in names or in levels, by topic."""
    stored = tomllib.loads((Path(__file__).parent / "sensitive_words.toml").read_text(encoding="utf-8"))
    anywhere, alone = _LISTS[kind]
    return {
        topic: _Vocabulary(tuple(_each(stored[topic], anywhere)), tuple(_each(stored[topic], alone)))
        for topic in TOPICS
    }


def _each(stored: Mapping[str, Mapping[str, Sequence[str]]], lists: Sequence[str]) -> Iterator[str]:
    """Each entry, of both languages."""
    for name in lists:
        for entries in stored.get(name, {}).values():
            yield from entries


def _form(entry: str) -> str:
    """The expression of one entry: a small word need not be there, nor any blank."""
    *before, last = entry.split()
    parts = [f"(?:{word} ?)?" if word in _SMALL else f"{_word(word)} ?" for word in before]
    return "".join([*parts, _word(last)])


def _word(word: str) -> str:
    stem = _words(word)
    return rf"{stem}[^\W\d_]*" if word.endswith("*") else f"{stem}{_PLURAL}"
