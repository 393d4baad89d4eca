"""What the members of each group write about: themes of their texts, against all. No group is made by them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build.discovery_rows import DiscoveryRows
from features.tables.learning_table import GROUP, ID
from scoring.segments.personas import FEWEST, GroupTheme
from training.data.text_corpus import text_corpus
from training.data.text_themes import text_themes
from training.segmentation.density import OUTLIER
from training.segmentation.discover import Discovered

Themes = dict[str, tuple[GroupTheme, ...]]
READ_TEXTS = 50_000  # of a column; of more, as many by chance
_DIGITS = 4  # of a share


def group_themes(rows: DiscoveryRows, found: Discovered, *, forbid: Collection[str] = (), seed: int) -> Themes:
    """By code of a group, the themes of what its members write; none of columns that are forbidden, or of small groups.

    Every theme of a column is there, the one first that the group writes of most, against all.
    """
    columns = [name for name in rows.texts if name not in forbid]
    which = _which(rows, found) if columns else np.empty(0, np.int64)
    each = [_of_column(rows.rows, name, which, found.codes, seed) for name in columns]
    return {code: tuple(chain.from_iterable(of.get(code, ()) for of in each)) for code in found.codes} if each else {}


def _which(rows: DiscoveryRows, found: Discovered) -> NDArray[np.int64]:
    """The position of each row's group among the codes."""
    if found.structure is None or len(found.codes) < 2:
        return np.zeros(rows.rows.height, np.int64)
    space = found.structure.space
    labels = found.grouping.assign(space.points(space.columns(rows.rows)))
    return np.where(labels == OUTLIER, len(found.codes) - 1, labels)


def _of_column(
    rows: pl.DataFrame, column: str, which: NDArray[np.int64], codes: Sequence[str], seed: int
) -> dict[str, tuple[GroupTheme, ...]]:
    """The shares of those who wrote a text that write of each theme; nothing of a group of which few wrote."""
    customers = rows[GROUP if GROUP in rows.columns else ID].to_numpy()
    written = np.flatnonzero((rows[column].fill_null("").str.strip_chars() != "").to_numpy())
    read = np.sort(np.random.default_rng(seed).permutation(written)[:READ_TEXTS])
    corpus = text_corpus(rows[column][read], customers[read])
    themes = text_themes(corpus, seed=seed) if corpus is not None else None
    if corpus is None or themes is None:
        return {}
    group, people = which[read][corpus.rows], customers[read][corpus.rows]
    every = themes.written.mean(axis=0)
    found = {}
    for position, code in enumerate(codes):
        members = group == position
        if len(np.unique(people[members])) < FEWEST:
            continue
        own = themes.written[members].mean(axis=0)
        found[code] = tuple(
            GroupTheme(column, themes.words[at], round(float(own[at]), _DIGITS), round(float(every[at]), _DIGITS))
            for at in np.argsort(every - own, kind="stable").tolist()
        )
    return found
