"""The rows of a learning table that are looked at together: of the latest cutoff, of the others, or a whole table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from features.leakage.univariate import Codes, Floats, Grouping, UnivariateEvidence, univariate_evidence
from features.point_in_time.labels import LABEL
from features.tables.learning_table import CUTOFF, GROUP

ENOUGH, RARER = 200_000, 20_000  # rows, and of the rarer class, that are looked at, drawn where there are more of both


@dataclass(frozen=True)
class RowSlice:
    """The rows of the test cutoff, of the training cutoffs, or of a whole ready table."""

    rows: pl.DataFrame
    label: Floats
    half: Codes

    @classmethod
    def of(cls, rows: pl.DataFrame) -> RowSlice:
        """The slice of these rows, with their label, and the half that each row's group belongs to."""
        half = (rows[GROUP].to_numpy() % np.uint64(2)).astype(np.int64)
        return cls(rows, rows[LABEL].cast(pl.Float64).to_numpy(), half)

    def evidence(self, grouping: Grouping) -> UnivariateEvidence:
        """What a grouping of the slice's rows explains of their label."""
        return univariate_evidence(grouping.codes, self.label, self.half)


def slices_of(rows: pl.DataFrame) -> Iterator[RowSlice]:
    """The rows of the latest cutoff, then those of the others; a ready table is one slice."""
    if rows[CUTOFF].n_unique() < 2:
        yield RowSlice.of(sampled(rows))
        return
    last = rows[CUTOFF].max()
    yield RowSlice.of(sampled(rows.filter(pl.col(CUTOFF) == last)))
    yield RowSlice.of(sampled(rows.filter(pl.col(CUTOFF) != last)))


def sampled(rows: pl.DataFrame) -> pl.DataFrame:
    """All rows, or of very many a seeded sample in their order, with thousands of either class in it."""
    positives = int(rows[LABEL].sum())
    rarer = min(positives, rows.height - positives)
    count = max(ENOUGH, -(-RARER * rows.height // max(rarer, 1)))
    if count >= rows.height:
        return rows
    return rows[np.sort(np.random.default_rng(0).permutation(rows.height)[:count])]
