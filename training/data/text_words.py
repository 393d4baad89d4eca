"""Which words of free texts tell the outcome: those that enough customers use, judged on customers kept aside.

What is looked at are the learning rows alone. Words are scikit-learn's, by the rule that serving reads texts by. None
is chosen that few customers use, that may name a person, or that tells something sensitive.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from features.config.sensitive import sensitive_level
from features.spec.feature import DataNote, Feature
from features.spec.texts.text_marks import folded, mark, marks_of, words_in, written_words
from features.tables.learning_table import GROUP, LearningTable
from training.data.common_words import FIRST_NAMES, FRENCH_STOP_WORDS
from training.data.split import labels, share_out, split

LEAST_CUSTOMERS = 20  # who use a word
MOST_WORDS = 50  # of one column
SURE = 2.0  # standard errors by which a word's outcomes, where it was not looked for, are off the rate
FOLDS = 5
MOST_THEMES, THEME_WORDS = 5, 5
_named = 0.5  # share of capitals inside sentences from which a word names somebody or something

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Corpus:
    """The texts of a column that there are, and which words enough customers use."""

    shown: dict[str, str]  # by word, folded, how it is shown
    uses: Any  # sparse weights by TF-IDF, shape (texts, words)
    rows: NDArray[np.int64]  # of the texts

    @property
    def words(self) -> list[str]:
        """In the order of the columns."""
        return list(self.shown)


def with_text_marks(table: LearningTable, columns: Sequence[str], *, seed: int) -> LearningTable:
    """A table with a feature for each word that tells the outcome, and notes on words and themes; texts stay in it.

    The rows to judge by have no say in which words these are.
    """
    learning = split(table, seed=seed).learning if columns else table.rows
    features, notes = list(table.features), list[DataNote]()
    rows = table.rows
    for column in columns:
        corpus = _corpus(learning, column)
        chosen = [] if corpus is None else _chosen(learning, corpus, seed=seed)
        words = {word: mark(column, word, corpus.shown[word] if corpus else word) for word in chosen}
        rows = rows.with_columns(_marks(rows[column], list(words.values()), column))
        features += words.values()
        notes += _notes(column, corpus, chosen, seed=seed)
    report = {**table.report, "notes": [*table.report["notes"], *(note.to_json() for note in notes)]}
    return replace(table, rows=rows, features=tuple(features), report=report)  # type: ignore[arg-type]  # as it was


def _corpus(learning: pl.DataFrame, column: str) -> _Corpus | None:
    """The words that at least so many customers use; None where there are none."""
    texts = learning[column].fill_null("")
    rows = np.flatnonzero((texts.str.strip_chars() != "").to_numpy())
    written = [texts[int(row)] for row in rows]
    vectorizer = TfidfVectorizer(analyzer=lambda text: sorted(words_in(text)), binary=True)
    if not any(map(words_in, written)):
        return None
    weights: Any = vectorizer.fit_transform(written)
    group = np.unique(learning[GROUP].to_numpy()[rows], return_inverse=True)[1]
    member: Any = sparse.csr_matrix((np.ones(len(rows)), (group, np.arange(len(rows)))))
    customers = np.asarray(((member @ weights) > 0).sum(axis=0)).ravel()
    names, allowed = _names(written), []
    for word, at in sorted(vectorizer.vocabulary_.items()):
        if customers[at] >= LEAST_CUSTOMERS and not _barred(word) and word not in names:
            allowed.append((word, int(at)))
    if not allowed:
        return None
    shown = _spellings(written, group, [word for word, _ in allowed])
    return _Corpus(shown, weights[:, [at for _, at in allowed]], rows)


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


def _chosen(learning: pl.DataFrame, corpus: _Corpus, *, seed: int) -> list[str]:
    """The words whose log-odds of the outcome hold on customers who did not choose their sign, the surest first."""
    some = learning[corpus.rows]
    outcome, fold = labels(some), share_out(some, (1.0,) * FOLDS, seed=seed + 5)
    used = (corpus.uses > 0).astype(np.float64)
    gained, spread = np.zeros(len(corpus.words)), np.zeros(len(corpus.words))
    for number in range(FOLDS):
        aside = fold == number
        rate = float(outcome[aside].mean()) if aside.any() else 0.0
        sign = np.sign(_log_odds(used[~aside], outcome[~aside]))
        count = np.asarray(used[aside].sum(axis=0)).ravel()
        gained += sign * (used[aside].T @ outcome[aside] - count * rate)
        spread += count * rate * (1 - rate)
    sure = np.divide(gained, np.sqrt(spread), out=np.zeros_like(gained), where=spread > 0)
    best = [at for at in np.argsort(-sure, kind="stable").tolist() if sure[at] >= SURE]
    return [corpus.words[at] for at in best[:MOST_WORDS]]


def _log_odds(used: Any, outcome: Floats) -> Floats:
    """Of the outcome with a word less that without it, each class half a customer larger."""
    hits, count = used.T @ outcome, np.asarray(used.sum(axis=0)).ravel()
    others, rest = outcome.sum() - hits, len(outcome) - count
    with_word = np.log((hits + 0.5) / (count - hits + 0.5))
    return np.asarray(with_word - np.log((others + 0.5) / (rest - others + 0.5)))


def _marks(texts: pl.Series, features: Sequence[Feature], column: str) -> list[pl.Series]:
    """A column for each feature."""
    words = {feature.name.removeprefix(f"{column}: "): feature.name for feature in features}
    known = {text: marks_of(text, words) for text in texts.unique().to_list()}
    return [pl.Series(name, [known[text][name] for text in texts.to_list()], pl.Boolean) for name in words.values()]


def _notes(column: str, corpus: _Corpus | None, chosen: Sequence[str], *, seed: int) -> Iterator[DataNote]:
    """How many words there are, which tell the outcome, and what the texts are about."""
    known = 0 if corpus is None else len(corpus.words)
    shown = ", ".join(corpus.shown[word] for word in chosen) if corpus and chosen else "-"
    detail = f"of the texts in {column!r} {known} words are used by {LEAST_CUSTOMERS} customers or more; "
    detail += f"{len(chosen)} are features: {shown}"
    yield DataNote("text_words", detail, {"column": column, "known": known, "chosen": len(chosen), "words": shown})
    if corpus is not None and (themes := _themes(corpus, seed=seed)):
        about = "; ".join(", ".join(theme) for theme in themes)
        yield DataNote(
            "text_themes", f"the texts in {column!r} are about: {about}", {"column": column, "themes": about}
        )


def _themes(corpus: _Corpus, *, seed: int) -> list[list[str]]:
    """The strongest words of each non-negative factor of the texts, the largest factor first."""
    count = min(MOST_THEMES, len(corpus.words) // THEME_WORDS, corpus.uses.shape[0])
    if count < 2:  # one theme is all the words
        return []
    factors = NMF(count, init="nndsvda", max_iter=300, random_state=seed, tol=1e-3)
    size = factors.fit_transform(corpus.uses).sum(axis=0)
    order = np.argsort(-size, kind="stable")
    return [
        [corpus.shown[corpus.words[at]] for at in np.argsort(-factors.components_[theme], kind="stable")[:THEME_WORDS]]
        for theme in order.tolist()
    ]
