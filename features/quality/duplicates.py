"""Likely duplicate customers, as links for someone to review; nothing is merged here.

Records are candidates where they are near each other in the alphabetical order of one of their texts, read forwards or
backwards (sorted neighbourhood: Hernández and Stolfo 1995). Of a candidate pair each text that both have is compared
by Levenshtein's similarity of the whole and by Jaccard's of the words, 0..1; the better of the two counts, so that
typing errors and swapped words are both forgiven. The score is the mean over the texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from rapidfuzz.distance import Levenshtein

from features.columns.expressions import as_id, as_text, slug
from features.errors import DataError
from features.history.identities import ACCEPTED, SAME_AS
from features.sources.engine import engine, frame
from features.sources.source import FILE, ROW, missing_column, open_source, reading
from features.spec.feature import CUSTOMER_ID

NEIGHBOURS = 10  # records on either side that one is compared with, in each order
LEAST = 0.85  # score from which a pair is proposed
DISTINCTIVE = 0.5  # share of different values from which a text tells people apart, where no columns are named

Record = tuple[str | None, ...]


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
        cells = {f"t{at}": as_text(source.column(name)) for at, name in enumerate(texts)}
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
    records = [tuple(slug(cell) or None if cell else None for cell in row) for row in rows.select(taken).iter_rows()]
    return _proposed(rows[CUSTOMER_ID].to_list(), records, least)


def write_links(links: pl.DataFrame, out: Path) -> None:
    """Writes links as Parquet or, by any other ending, CSV."""
    if out.suffix == ".parquet":
        links.write_parquet(out)
    else:
        links.write_csv(out)


def candidates(records: Sequence[Record]) -> set[tuple[int, int]]:
    """Pairs of positions, the lower first, that are near each other in one of the orders."""
    found = set()
    for at in range(len(records[0]) if records else 0):
        filled = [(record[at] or "", index) for index, record in enumerate(records) if record[at]]
        for order in (sorted(filled), sorted((text[::-1], index) for text, index in filled)):
            for position, (_, one) in enumerate(order):
                near = order[position + 1 : position + 1 + NEIGHBOURS]
                found |= {(min(one, other), max(one, other)) for _, other in near}
    return found


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


def _proposed(ids: Sequence[str], records: Sequence[Record], least: float) -> pl.DataFrame:
    kinds = {
        CUSTOMER_ID: pl.String,
        SAME_AS: pl.String,
        "levenshtein": pl.Float64,
        "jaccard": pl.Float64,
        "score": pl.Float64,
    }
    links = pl.DataFrame(list(_scored(ids, records, least)), schema=kinds, orient="row")
    ordered = links.sort(["score", CUSTOMER_ID, SAME_AS], descending=[True, False, False])
    return ordered.with_columns(pl.lit("").alias(ACCEPTED))


def _scored(
    ids: Sequence[str], records: Sequence[Record], least: float
) -> Iterator[tuple[str, str, float, float, float]]:
    for one, other in candidates(records):
        edits, words, score = similarity(records[one], records[other])
        if score >= least:
            low, high = sorted((ids[one], ids[other]))
            yield high, low, edits, words, score
