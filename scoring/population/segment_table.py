"""What the segments of a day amount to: sizes, who came and went since the day before, means of scores and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from scoring.population.customer_pages import CustomerQuery
from scoring.population.day_index import INDEX
from scoring.population.days import PARTS, Day, days_of
from scoring.population.partitioned import part_name
from scoring.population.ranked import DayIndex, index_mark, open_index

FIGURES = 5  # features whose means are given: those that most often stand among the reasons
Floats = NDArray[np.float64]
Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """One segment on a day; a mean is None where it has no member with a value."""

    size: int
    entered: int | None  # in it and not the day before; None where no day before has the same segments
    left: int | None  # in it the day before and not now
    probabilities: Mapping[str, float | None]  # means by use case, of the members it scored
    means: Mapping[str, float | None]  # by feature


@dataclass(frozen=True, slots=True)
class SegmentTable:
    """All segments of a day, without those who objected or were erased."""

    as_of: datetime
    policy: str  # the version
    before: datetime | None  # the day that `entered` and `left` count from
    customers: int
    features: Mapping[str, str]  # those with a mean, by their name the use case they are of
    segments: Mapping[str, SegmentFigures]  # by code, in the order of the policy


def segment_table(home: Path) -> SegmentTable:
    """The segments of the day in service; kept until a day, an erasure or an objection changes it.

    Raises:
        NoPopulationError: There is no day, or it was made before there were indexes.
        PopulationError: A day is not what a run writes.
        SuppressionError: The suppression list cannot be read.
    """
    indexed = [day for day in days_of(home) if INDEX in day.manifest.files][-2:]
    marks = tuple(index_mark(day) for day in indexed)
    index = open_index(home)
    stamp = (marks, index.hidden.tobytes())
    known = _kept.get(home)
    if known is None or known[0] != stamp:
        known = _kept[home] = (stamp, _table(index, _before(home, index, indexed)))
    return known[1]


_kept: dict[Path, tuple[object, SegmentTable]] = {}  # of each home the last one, and of what it was


def _before(home: Path, index: DayIndex, indexed: Sequence[Day]) -> DayIndex | None:
    """The day before, where it has an index and the same segments."""
    same = [
        day for day in indexed if day.manifest.as_of < index.as_of and day.manifest.policy == index.day.manifest.policy
    ]
    return open_index(home, same[-1].manifest.as_of) if same else None


def _table(index: DayIndex, before: DayIndex | None) -> SegmentTable:
    values = _values(index)
    flows = None if before is None else _Flows(index, before)
    segments = {}
    for code in index.segments:
        rows = index.ranked(CustomerQuery(segment=code))
        entered, left = (None, None) if flows is None else flows.of(code, rows)
        probabilities = {name: _mean(index.probabilities(name)[rows]) for name in index.use_cases}
        means = {name: _mean(column[rows]) for name, (_, column) in values.items()}
        segments[code] = SegmentFigures(len(rows), entered, left, probabilities, means)
    return SegmentTable(
        index.as_of,
        index.day.manifest.policy,
        before.as_of if before else None,
        len(index.ranked(CustomerQuery())),
        {name: use_case for name, (use_case, _) in values.items()},
        segments,
    )


class _Flows:
    """Who is in a segment on one of two days only."""

    def __init__(self, index: DayIndex, before: DayIndex) -> None:
        self._index, self._before = index, before
        places = pc.index_in(before.customer_ids, index.customer_ids).fill_null(-1)
        self._now: NDArray[np.int32] = places.to_numpy(zero_copy_only=False)  # the row of each row of the day before

    def of(self, code: str, rows: Rows) -> tuple[int, int]:
        """How many entered a segment since the day before, and how many left it."""
        if code not in self._before.segments:
            return len(rows), 0
        there = self._now[self._before.ranked(CustomerQuery(segment=code))]
        stayed = len(np.intersect1d(there, rows))
        return len(rows) - stayed, len(there) - stayed


def _main_features(index: DayIndex) -> list[str]:
    """The features that are among the reasons of any use case, the most frequent first."""
    found = sum((index.reason_features(name) for name in index.use_cases), Counter[str]())
    return sorted(found, key=lambda feature: (-found[feature], feature))


def _values(index: DayIndex) -> dict[str, tuple[str, Floats]]:
    """By main feature that is a number or yes and no, the use case it is read of, and a value a row; NaN: not known."""
    stored = {name: _FeatureParts.of(index.day, name) for name in index.use_cases}
    fullest = sorted(stored.values(), key=lambda parts: -parts.rows)  # what several know, they agree on
    owners = {
        feature: next((parts for parts in fullest if feature in parts.numbers), None)
        for feature in _main_features(index)
    }
    wanted = {feature: owner for feature, owner in owners.items() if owner is not None}
    chosen = dict(list(wanted.items())[:FIGURES])
    values: dict[str, tuple[str, Floats]] = {}
    for parts in fullest:
        own = [feature for feature, owner in chosen.items() if owner is parts]
        values |= {feature: (parts.use_case, column) for feature, column in parts.read(own, index).items()}
    return {feature: values[feature] for feature in chosen}


@dataclass(frozen=True, slots=True)
class _FeatureParts:
    """The files of a use case's features on a day."""

    use_case: str
    files: Sequence[Path]
    rows: int
    numbers: frozenset[str]  # columns that have a mean

    @classmethod
    def of(cls, day: Day, name: str) -> _FeatureParts:
        parts = (day.file(part_name(f"features-{name}", number)) for number in range(PARTS))
        files = [file for file in parts if file]
        schema = pq.read_schema(files[0]) if files else ()
        rows = sum(pq.read_metadata(path).num_rows for path in files)
        return cls(name, files, rows, frozenset(field.name for field in schema if _is_number(field.type)))

    def read(self, features: Sequence[str], index: DayIndex) -> dict[str, Floats]:
        """A value a row of the index."""
        if not features:
            return {}
        table = pa.concat_tables([pq.read_table(path, columns=[CUSTOMER_ID, *features]) for path in self.files])
        found = table.take(pc.index_in(index.customer_ids, table.column(CUSTOMER_ID).combine_chunks()))
        return {
            feature: np.asarray(found.column(feature).cast(pa.float64()).fill_null(np.nan).to_numpy())
            for feature in features
        }


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
