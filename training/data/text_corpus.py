"""The texts of a column as the words that enough customers use: what may be said of them without naming anybody.

Words are scikit-learn's, by the rule that serving reads texts by. None stays that few customers use, that may name a
person, or that tells something sensitive.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from features.config.sensitive import sensitive_level
from features.spec.texts.text_marks import folded, words_in, written_words
from training.data.common_words import FIRST_NAMES, FRENCH_STOP_WORDS

LEAST_CUSTOMERS = 20  # who use a word
_named = 0.5  # share of capitals inside sentences from which a word names somebody or something


@dataclass(frozen=True)
class TextCorpus:
    """The texts of a column that there are, and which words enough customers use."""

    shown: dict[str, str]  # by word, folded, how it is shown
    uses: Any  # sparse weights by TF-IDF, shape (texts, words)
    rows: NDArray[np.int64]  # of the texts

    @property
    def words(self) -> list[str]:
        """In the order of the columns."""
        return list(self.shown)


def text_corpus(column: pl.Series, customers: NDArray[Any]) -> TextCorpus | None:
    """The words of a column that at least so many customers use; None where there are none.

    Args:
        column: A text or null a row.
        customers: Whose each row is.
    """
    texts = column.fill_null("")
    rows = np.flatnonzero((texts.str.strip_chars() != "").to_numpy())
    written = [texts[int(row)] for row in rows]
    vectorizer = TfidfVectorizer(analyzer=lambda text: sorted(words_in(text)), binary=True)
    if not any(map(words_in, written)):
        return None
    weights: Any = vectorizer.fit_transform(written)
    group = np.unique(customers[rows], return_inverse=True)[1]
    member: Any = sparse.csr_matrix((np.ones(len(rows)), (group, np.arange(len(rows)))))
    users = np.asarray(((member @ weights) > 0).sum(axis=0)).ravel()
    names, allowed = _names(written), []
    for word, at in sorted(vectorizer.vocabulary_.items()):
        if users[at] >= LEAST_CUSTOMERS and not _barred(word) and word not in names:
            allowed.append((word, int(at)))
    if not allowed:
        return None
    shown = _spellings(written, group, [word for word, _ in allowed])
    return TextCorpus(shown, weights[:, [at for _, at in allowed]], rows)


def _barred(word: str) -> bool:
    """Whether a word says nothing, names a person, or tells something sensitive."""
    return (
        word in FRENCH_STOP_WORDS
        or word in ENGLISH_STOP_WORDS
        or word in FIRST_NAMES
        or sensitive_level(word) is not None
    )


def _names(written: Sequence[str]) -> frozenset[str]:
    """Words that mostly begin with a capital where no sentence begins: people, places, makes."""
    capital, inside = Counter[str](), Counter[str]()
    for text in written:
        if text.upper() == text:
            continue  # all in capitals: they say nothing
        for word in _inside(text):
            inside[folded(word)] += 1
            capital[folded(word)] += word[0].isupper()
    return frozenset(word for word, count in capital.items() if count > _named * inside[word])


def _inside(text: str) -> Iterator[str]:
    """The words of a text but those that begin a sentence."""
    for sentence in text.replace("!", ".").replace("?", ".").replace("\n", ".").split("."):
        yield from written_words(sentence)[1:]


def _spellings(written: Sequence[str], group: NDArray[np.int64], words: Sequence[str]) -> dict[str, str]:
    """How each word is shown: as most customers write it in small letters, where enough do, else folded."""
    wanted, users = frozenset(words), defaultdict[str, dict[str, set[int]]](lambda: defaultdict(set))
    for text, customer in zip(written, group.tolist(), strict=True):
        for word in written_words(text):
            if (plain := folded(word)) in wanted:
                users[plain][word.casefold()].add(customer)
    shown = {}
    for word in words:
        spelled = max(users[word], key=lambda one: (len(users[word][one]), one))
        shown[word] = spelled if len(users[word][spelled]) >= LEAST_CUSTOMERS else word
    return shown
