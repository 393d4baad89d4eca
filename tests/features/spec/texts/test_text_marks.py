"""A text is read the same however it is cased, accented, composed or punctuated; what may name somebody is no word."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.spec.texts.text_marks import folded, mark, marked, marks_of, text_columns, words_in, written_words

COLUMNS = text_columns(
    [mark("comment", "retard", "retard"), mark("comment", "abime", "abîmé"), mark("note", "ok", "ok")]
)


@given(st.text())
def test_a_text_reads_alike_in_every_writing(text: str) -> None:
    """Decomposed, and with other signs around."""
    assert words_in(text) == words_in(unicodedata.normalize("NFD", text)) == words_in(f"  «{text}» ")


@given(st.text())
def test_words_are_folded_letters(text: str) -> None:
    """Two letters or more; folding again changes nothing."""
    for word in words_in(text):
        assert word == folded(word)
        assert len(word) > 1
        assert word.isalpha()


@pytest.mark.parametrize(
    "text",
    ["jean.dupont@example.com", "06 12 34 56 78", "0612345678", "https://example.com/livraison", "FR7612", "A-12"],
)
def test_addresses_and_numbers_are_no_words(text: str) -> None:
    """Nor a part of them."""
    assert written_words(f"{text} ") == []


def test_marks_say_which_words_a_text_uses() -> None:
    """Whole words alone, in capitals and without accents too; null where there is no text."""
    words = COLUMNS["comment"]

    assert marks_of("Colis ABIME, l'en-retard", words) == {"comment: retard": True, "comment: abime": True}
    assert marks_of("retardataire", words) == {"comment: retard": False, "comment: abime": False}
    assert set(marks_of("  ", words).values()) == set(marks_of(None, words).values()) == {None}


def test_a_row_has_marks_in_the_place_of_its_text() -> None:
    """The text itself goes; a column that is not there is left to the rule that asks for every feature."""
    row = marked({"comment": "en retard", "age": 3}, COLUMNS)

    assert row == {"age": 3, "comment: retard": True, "comment: abime": False}
    assert marked({"age": 3}, COLUMNS) == {"age": 3}
