"""A free text as the words it uses, and what marks of them are: the same in training, in files and in requests.

A word is two letters or more, in small letters and without accents; elisions end one (`l'envoi` is `envoi`). What holds
a digit, an @ or an address of the web is none. A feature of the family `text` says whether a text uses its word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from features.spec.feature import Feature, Row

FAMILY = "text"
_parted = ": "
_no_words = re.compile(r"\S*@\S*|(https?://|www\.)\S*|\S*\d\S*", re.IGNORECASE)
_word = re.compile(r"[^\W\d_]{2,}")


def folded(text: str) -> str:
    """A text in small letters without accents.

    >>> folded("Déçu, l'Œuvre")
    "decu, l'oeuvre"
    """
    apart = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def written_words(text: str) -> list[str]:
    """The words of a text in its order, as they are written.

    >>> written_words("L'envoi est EN RETARD, écrivez à a.b@example.com ou au 06 12 34")
    ['envoi', 'est', 'EN', 'RETARD', 'écrivez', 'ou', 'au']
    """
    return _word.findall(_no_words.sub(" ", unicodedata.normalize("NFKC", text)))


def words_in(text: str) -> frozenset[str]:
    """The different words of a text, folded."""
    return frozenset(folded(word) for word in written_words(text))


def mark(column: str, word: str, shown: str) -> Feature:
    """The feature that says whether a text uses a folded word; people read it as it is `shown`."""
    return Feature(f"{column}{_parted}{word}", "boolean", FAMILY, subject=f"{column}{_parted}{shown}")


def text_columns(features: Iterable[Feature]) -> dict[str, dict[str, str]]:
    """By column of texts, the name of the feature that marks each word."""
    found: dict[str, dict[str, str]] = {}
    for feature in features:
        if feature.family == FAMILY and feature.subject:
            column, _, word = feature.name.rpartition(_parted)
            found.setdefault(column, {})[word] = feature.name
    return found


def marks_of(text: Any, words: Mapping[str, str]) -> dict[str, bool | None]:
    """The marks of a text by the name of their feature; null where there is none, or what is no text."""
    if not isinstance(text, str) or not text.strip():
        return dict.fromkeys(words.values())
    used = words_in(text)
    return {name: word in used for word, name in words.items()}


def marked(row: Row, columns: Mapping[str, Mapping[str, str]]) -> Row:
    """A row with marks in the place of its texts."""
    texts = [column for column in columns if column in row]
    if not texts:
        return row
    marks: dict[str, Any] = {name: value for name, value in row.items() if name not in texts}
    for column in texts:
        marks |= marks_of(row[column], columns[column])
    return marks
