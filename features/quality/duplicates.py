"""Likely duplicate customers, as links for someone to review; nothing is merged here.

Records are candidates where they are near each other in the alphabetical order of one of their texts, read forwards or
backwards (sorted neighbourhood: Hernández and Stolfo 1995); those that have the text in common stand in the order of
their other texts. Of a candidate pair each text that both have is compared by Levenshtein's similarity of the whole and
by Jaccard's of the words, 0..1; the better of the two counts, so that typing errors and swapped words are both
forgiven. The score is the mean over the texts.

Pairs are made and scored some at a time and only proposed ones are kept: memory grows with the records alone. Most are
put aside by what they could score at most, by lengths, letters and words, before any text is compared.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from features.columns.expressions import as_id, as_text, slugs
from features.errors import DataError
from features.history.identities import ACCEPTED, SAME_AS
from features.sources.engine import engine, frame
from features.sources.source import FILE, ROW, missing_column, open_source, reading
from features.spec.feature import CUSTOMER_ID

NEIGHBOURS = 10  # records on either side that one is compared with, in each order
LEAST = 0.85  # score from which a pair is proposed
DISTINCTIVE = 0.5  # share of different values from which a text tells people apart, where no columns are named
_SOME = 200_000  # pairs that are scored at a time
_ROUNDING = 1e-9

Record = tuple[str | None, ...]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]  # positions of records


def likely_duplicates(
    path: Path, *, customer_id: str, columns: Sequence[str] = (), least: float = LEAST
) -> pl.DataFrame:
    """Pairs of customers of one file that may be one: customer_id, same_as, levenshtein, jaccard, score, accepted.

    The likeliest first; `accepted` is empty, for the reviewer to write yes. Without `columns` all texts that tell
    people apart are compared.

    Raises:
        DataError: the file cannot be read, lacks a column, or has no text that tells people apart.
    """
    with engine() as backend:
        source = open_source(backend, path)
        lacking = [
            missing_column(name, source.columns) for name in (customer_id, *columns) if name not in source.columns
        ]
        if lacking:
            raise DataError(path, lacking)
        texts = [
            name for name in columns or source.columns if name != customer_id and source.column(name).type().is_string()
        ]
        cells = {f"t{at}": slugs(as_text(source.column(name))) for at, name in enumerate(texts)}
        with reading(path):
            rows = frame(source.table.select(FILE, ROW, **{CUSTOMER_ID: as_id(source.column(customer_id))}, **cells))
    rows = (
        rows.sort(FILE, ROW)
        .drop(FILE, ROW)
        .drop_nulls(CUSTOMER_ID)
        .unique(CUSTOMER_ID, keep="last", maintain_order=True)
    )
    taken = [name for name in rows.columns[1:] if columns or rows[name].n_unique() > DISTINCTIVE * len(rows)]
    if not taken:
        raise DataError(path, ["must have a text column that tells people apart, it has none; name one with --columns"])
    return _proposed(rows[CUSTOMER_ID], rows.select(taken), least)


def write_links(links: pl.DataFrame, out: Path) -> None:
    """Writes links as Parquet or, by any other ending, CSV."""
    if out.suffix == ".parquet":
        links.write_parquet(out)
    else:
        links.write_csv(out)


def candidates(texts: pl.DataFrame) -> Iterator[Pairs]:
    """Positions of records that are near each other in one of the orders, some pairs at a time, perhaps again."""
    for name in texts.columns:
        filled = texts.with_row_index("at").drop_nulls(name)
        others = [other for other in texts.columns if other != name]
        for order in (pl.col(name), pl.col(name).str.reverse()):
            ranked = filled.sort(order, *others, "at", nulls_last=True)["at"].cast(pl.Int64).to_numpy()
            for step in range(1, NEIGHBOURS + 1):
                one, other = ranked[:-step], ranked[step:]
                for start in range(0, len(one), _SOME):
                    yield one[start : start + _SOME], other[start : start + _SOME]


def similarity(one: Record, other: Record) -> tuple[float, float, float]:
    """Levenshtein's, Jaccard's, and the score of two records, 0..1; 0 where they share no text.

    >>> similarity(("anna_martin",), ("martin_anna",))[1:]
    (1.0, 1.0)
    """
    both = [(left, right) for left, right in zip(one, other, strict=True) if left and right]
    if not both:
        return 0.0, 0.0, 0.0
    edits = [Levenshtein.normalized_similarity(left, right) for left, right in both]
    words = [_jaccard(set(left.split("_")), set(right.split("_"))) for left, right in both]
    better = [max(pair) for pair in zip(edits, words, strict=True)]
    return sum(edits) / len(both), sum(words) / len(both), sum(better) / len(both)


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


@dataclass(frozen=True, slots=True)
class _Text:
    """One text of each record, with what says quickly how far two of them must be apart."""

    cells: list[str]  # empty where there is none
    words: NDArray[np.uint64]  # a bit for each word: a word whose bit the other has not is not in the other
    counts: NDArray[np.int64]  # of different words
    letters: NDArray[np.uint64]  # a bit for each letter and digit
    lengths: NDArray[np.int64]

    def most_edits(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """What Levenshtein's similarity of pairs is at most, by lengths and the letters that only one of them has."""
        left, right = self.letters[one], self.letters[other]
        apart = np.maximum(np.bitwise_count(left & ~right), np.bitwise_count(right & ~left))
        apart = np.maximum(apart, np.abs(self.lengths[one] - self.lengths[other]))
        longest = np.maximum(np.maximum(self.lengths[one], self.lengths[other]), 1)
        most: NDArray[np.float64] = 1.0 - apart / longest
        return most

    def most_words(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """What Jaccard's similarity of pairs is at most."""
        left, right = self.words[one], self.words[other]
        shared = np.minimum(
            self.counts[one] - np.bitwise_count(left & ~right), self.counts[other] - np.bitwise_count(right & ~left)
        )
        most: NDArray[np.float64] = shared / np.maximum(self.counts[one] + self.counts[other] - shared, 1)
        return most

    def edits(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """Levenshtein's similarity of pairs."""
        left, right = ([self.cells[at] for at in places.tolist()] for places in (one, other))
        found: NDArray[np.float64] = cpdist(left, right, scorer=Levenshtein.normalized_similarity, dtype=np.float64)
        return found


def _text(cells: pl.Series) -> _Text:
    texts = cells.fill_null("").to_list()
    words = [0] * len(texts)
    counts, lengths = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
    for at, text in enumerate(texts):
        parts = set(text.split("_")) if text else set[str]()
        words[at], counts[at], lengths[at] = _bits(map(_code, parts)), len(parts), len(text)
    letters = np.fromiter((_bits(text.encode()) for text in texts), np.uint64, len(texts))
    return _Text(texts, np.array(words, np.uint64), counts, letters, lengths)


def _code(word: str) -> int:
    return zlib.crc32(word.encode())


def _bits(codes: Iterable[int]) -> int:
    """A bit of 64 for each different code."""
    bits = 0
    for code in codes:
        bits |= 1 << (code & 63)
    return bits


def _hopeful(texts: Sequence[_Text], one: NDArray[np.int64], other: NDArray[np.int64], least: float) -> Pairs:
    """The pairs that may score as much as `least`.

    What their texts have at most is looked at first; then one text after the other is compared, in the pairs left.
    """
    there = np.array([(text.lengths[one] > 0) & (text.lengths[other] > 0) for text in texts])
    words = np.array([text.most_words(one, other) for text in texts])
    most = np.maximum(words, [text.most_edits(one, other) for text in texts]) * there
    needed = (least - _ROUNDING) * there.sum(axis=0)
    kept = np.flatnonzero((most.sum(axis=0) >= needed) & there.any(axis=0))
    for at, text in enumerate(texts):
        asked = kept[there[at, kept]]
        most[at, asked] = np.maximum(words[at, asked], text.edits(one[asked], other[asked]))
        kept = kept[most[:, kept].sum(axis=0) >= needed[kept]]
    return one[kept], other[kept]


def _proposed(ids: pl.Series, texts: pl.DataFrame, least: float) -> pl.DataFrame:
    kinds = {
        CUSTOMER_ID: pl.String,
        SAME_AS: pl.String,
        "levenshtein": pl.Float64,
        "jaccard": pl.Float64,
        "score": pl.Float64,
    }
    links = pl.DataFrame(list(_scored(ids, texts, least)), schema=kinds, orient="row")
    ordered = links.sort(["score", CUSTOMER_ID, SAME_AS], descending=[True, False, False])
    return ordered.with_columns(pl.lit("").alias(ACCEPTED))


def _scored(ids: pl.Series, texts: pl.DataFrame, least: float) -> Iterator[tuple[str, str, float, float, float]]:
    known, met = [_text(texts[name]) for name in texts.columns], set[tuple[int, int]]()
    for near in candidates(texts):
        for pair in zip(*(places.tolist() for places in _hopeful(known, *near, least)), strict=True):
            left, right = sorted(pair)
            if (left, right) in met:
                continue
            edits, words, score = similarity(_record(known, left), _record(known, right))
            if score >= least:
                met.add((left, right))
                low, high = sorted((ids[left], ids[right]))
                yield high, low, edits, words, score


def _record(texts: Sequence[_Text], at: int) -> Record:
    """The texts of one record."""
    return tuple(text.cells[at] or None for text in texts)
