"""Themes of texts: the same for the same seed, of words that enough customers use, each text of what it says."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.spec.texts.text_marks import words_in
from tests.support.surveys import BAD, GOOD, NEVER, survey_rows
from training.data.text_corpus import LEAST_CUSTOMERS, TextCorpus, text_corpus
from training.data.text_themes import MOST_THEMES, THEME_WORDS, text_themes


def corpus_of(texts: pl.Series) -> TextCorpus:
    """The corpus of texts, each of another customer."""
    corpus = text_corpus(texts, np.arange(len(texts)))
    assert corpus is not None
    return corpus


def test_themes_are_words_that_enough_customers_use() -> None:
    """None that names somebody or that few write, and a few of each."""
    texts = survey_rows()["comment"]

    themes = text_themes(corpus_of(texts), seed=0)

    assert themes is not None
    assert 2 <= len(themes.words) <= MOST_THEMES
    assert all(len(words) == THEME_WORDS for words in themes.words)
    used = [words_in(text) for text in texts.drop_nulls()]
    for word in {word for words in themes.words for word in words}:
        assert word not in NEVER
        assert sum(words_in(word) <= words for words in used) >= LEAST_CUSTOMERS


def test_the_same_texts_have_the_same_themes() -> None:
    """To the last text."""
    texts = survey_rows()["comment"]

    first, second = (text_themes(corpus_of(texts), seed=4) for _ in range(2))

    assert first is not None
    assert second is not None
    assert first.words == second.words
    assert np.array_equal(first.written, second.written)


def test_texts_of_one_phrase_write_of_one_theme() -> None:
    """Whoever writes the same is of the same themes; who writes none of the words is of none."""
    texts = pl.Series([f"{GOOD[0]}. {GOOD[1]}", f"{BAD[1]}. {BAD[2]}"] * 40 + ["et puis"])

    themes = text_themes(corpus_of(texts), seed=0)

    assert themes is not None
    assert (themes.written[:80:2] == themes.written[0]).all()
    assert (themes.written[1:80:2] == themes.written[1]).all()
    assert not (themes.written[0] & themes.written[1]).any()
    assert themes.written[:80].any(axis=1).all()
    assert not themes.written[80].any()


def test_few_words_are_no_themes() -> None:
    """One theme would be all of them."""
    assert text_themes(corpus_of(pl.Series(["livraison rapide"] * 40)), seed=0) is None
