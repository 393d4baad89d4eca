"""Which words of free texts tell the outcome: those that enough customers use, judged on customers kept aside.

What is looked at are the learning rows alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.spec.feature import DataNote, Feature
from features.spec.texts.text_marks import mark, marks_of, text_columns
from features.tables.learning_table import GROUP, LearningTable
from training.data.split import labels, share_out, split
from training.data.text_corpus import LEAST_CUSTOMERS, TextCorpus, text_corpus
from training.data.text_themes import text_themes

MOST_WORDS = 50  # of one column
SURE = 2.0  # standard errors by which a word's outcomes, where it was not looked for, are off the rate
FOLDS = 5

Floats = NDArray[np.float64]


def with_text_marks(table: LearningTable, columns: Sequence[str], *, seed: int) -> LearningTable:
    """A table with a feature for each word that tells the outcome, and notes on words and themes; texts stay in it.

    The rows to judge by have no say in which words these are.
    """
    learning = split(table, seed=seed).learning if columns else table.rows
    features, notes = list(table.features), list[DataNote]()
    rows = table.rows
    for column in columns:
        corpus = text_corpus(learning[column], learning[GROUP].to_numpy())
        chosen = [] if corpus is None else _chosen(learning, corpus, seed=seed)
        words = {word: mark(column, word, corpus.shown[word] if corpus else word) for word in chosen}
        rows = rows.with_columns(_marks(rows[column], {word: each.name for word, each in words.items()}))
        features += words.values()
        notes += _notes(column, corpus, chosen, seed=seed)
    report = {**table.report, "notes": [*table.report["notes"], *(note.to_json() for note in notes)]}
    return replace(table, rows=rows, features=tuple(features), report=report)  # type: ignore[arg-type]  # as it was


def with_marks_of(rows: pl.DataFrame, features: Iterable[Feature]) -> pl.DataFrame:
    """Further rows of a table with the marks among these features, made of the texts that stand in the rows."""
    for column, words in text_columns(features).items():
        rows = rows.with_columns(_marks(rows[column], words))
    return rows


def _chosen(learning: pl.DataFrame, corpus: TextCorpus, *, seed: int) -> list[str]:
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


def _marks(texts: pl.Series, words: Mapping[str, str]) -> list[pl.Series]:
    """A column for each word, called as its feature is."""
    known = {text: marks_of(text, words) for text in texts.unique().to_list()}
    return [pl.Series(name, [known[text][name] for text in texts.to_list()], pl.Boolean) for name in words.values()]


def _notes(column: str, corpus: TextCorpus | None, chosen: Sequence[str], *, seed: int) -> Iterator[DataNote]:
    """How many words there are, which tell the outcome, and what the texts are about."""
    known = 0 if corpus is None else len(corpus.words)
    shown = ", ".join(corpus.shown[word] for word in chosen) if corpus and chosen else "-"
    detail = f"of the texts in {column!r} {known} words are used by {LEAST_CUSTOMERS} customers or more; "
    detail += f"{len(chosen)} are features: {shown}"
    yield DataNote("text_words", detail, {"column": column, "known": known, "chosen": len(chosen), "words": shown})
    if corpus is not None and (themes := text_themes(corpus, seed=seed)):
        about = "; ".join(", ".join(theme) for theme in themes.words)
        yield DataNote(
            "text_themes", f"the texts in {column!r} are about: {about}", {"column": column, "themes": about}
        )
