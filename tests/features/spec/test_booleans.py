"""The grammar of answers."""

from __future__ import annotations

import pytest

from features.spec.booleans import answers, read_boolean
from tests.support.values import CORPUS, NOTHING, Value


@pytest.mark.parametrize("value", [each for each in CORPUS if each.column == "optin" and each.text], ids=repr)
def test_a_word_is_the_answer_it_says(value: Value) -> None:
    """In the languages that are known, and none where it is no answer."""
    assert read_boolean(value.cell) == (None if value.means in (None, NOTHING) else value.means)


@pytest.mark.parametrize(
    "words", [{"no", "si", "on"}, {"o", "n", "x"}, {"f", "n", "o"}, {"yes", "no"}, {"on", "no", "n"}, {"y", "yes", "o"}]
)
def test_words_without_a_partner_are_no_answers(words: set[str]) -> None:
    """Countries and answers of three kinds stay what they are."""
    assert answers(words) is None


@pytest.mark.parametrize(
    "words", [{"yes", "no", "y", "n"}, {"yes", "no", "y"}, {"oui", "non", "o", "n"}, {"true", "false", "1", "0"}]
)
def test_spellings_of_one_answer_are_one(words: set[str]) -> None:
    """Where each has its partner, or the column speaks one language."""
    found = answers(words)

    assert found is not None
    assert found == {word: word[0] in "yot1" for word in words}
