"""Clusters that were learned: the scaled space, its centroids, and which of them a customer is nearest to, and why.

Distances are squared and of the scaled space, in which 1 is one unit of a feature's `scale`. The nearest centroid has
the smallest of them, of equal ones the first. What parts it from the next nearest splits over the features exactly:
(x - n)^2 - (x - c)^2 = (n - c)(n + c - 2x) for a coordinate x, the nearest's c and the next one's n, which adds up to
the margin. That difference is computed, rather than the distances themselves, since it keeps its digits far from both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.spec.languages import LANGUAGES

DECIMALS = 9  # of margins and of what adds up to them
_BLOCK = 1 << 20  # terms computed at a time
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class LearnedFeature(Struct, frozen=True, kw_only=True):
    """One coordinate of the scaled space: (raw - center) / scale, of a missing value `missing`.

    The raw value of a `number` is the feature's (a boolean's 0 or 1, a date's days since 1970-01-01), by `log`
    sign(x) log(1 + |x|) of it; that of a `level` is 1 where a category has it and else 0; that of `missing` is 1 where
    the feature has no value and else 0.
    """

    name: str  # the feature's
    kind: Literal["number", "level", "missing"] = "number"
    level: str | None = None  # of a `level` only
    log: bool = False  # of a `number` only
    center: float = 0.0
    scale: float = 1.0
    missing: float = 0.0  # in scaled units: 0 is the center


class LearnedSegments(Struct, frozen=True, kw_only=True):
    """Clusters with stable codes; everything that is needed to assign a customer.

    Raises:
        ValueError: Naming every rule that is broken.
    """

    features: tuple[LearnedFeature, ...]
    centroids: tuple[tuple[float, ...], ...]  # in the scaled space, shape (clusters, coordinates)
    codes: tuple[str, ...]
    labels: dict[str, dict[str, str]]  # by code and language

    def __post_init__(self) -> None:
        broken = list(_broken(self))
        if broken:
            raise ValueError(" ".join(broken))

    @property
    def names(self) -> tuple[str, ...]:
        """The features that are read, each once, in their order."""
        return tuple(dict.fromkeys(feature.name for feature in self.features))


def _broken(learned: LearnedSegments) -> list[str]:
    clusters, width = len(learned.centroids), len(learned.features)
    rules = {
        f"There must be two centroids at least, got {clusters}.": clusters >= 2,
        f"A centroid has one coordinate a feature of the {width}, got others.": all(
            len(centroid) == width for centroid in learned.centroids
        ),
        "Coordinates must be finite, got others.": all(
            math.isfinite(value) for centroid in learned.centroids for value in centroid
        ),
        f"Each of {clusters} centroids has a code of its own, got {len(set(learned.codes))}.": clusters
        == len(learned.codes)
        == len(set(learned.codes)),
        "A code is written in a-z, 0-9 and _, got another.": all(map(_CODE.fullmatch, learned.codes)),
        "A label is needed in en and fr for every code, got something else.": all(
            set(learned.labels.get(code, {})) == set(LANGUAGES) for code in learned.codes
        ),
        "A scale must be finite and above 0, its center and what a missing value is finite, got others.": all(
            feature.scale > 0 and all(map(math.isfinite, (feature.scale, feature.center, feature.missing)))
            for feature in learned.features
        ),
        "A coordinate of a level needs the level, and no other has one.": all(
            (feature.kind == "level") == (feature.level is not None) for feature in learned.features
        ),
    }
    return [rule for rule, holds in rules.items() if not holds]


@dataclass(frozen=True, slots=True)
class Nearest:
    """Where rows are: each the position of its cluster and of the next nearest, and what parts them."""

    which: Ints
    next: Ints
    margin: Floats  # difference of the two squared distances, never negative
    contributions: Floats  # what each feature adds to it, shape (rows, features), in the order of `names`


class NearestCentroid:
    """Assigns rows to clusters; one row is assigned as it is among others, to the bit."""

    def __init__(self, learned: LearnedSegments) -> None:
        self.learned = learned
        coordinates = learned.features
        self._centroids = np.asarray(learned.centroids, np.float64)
        self._squares, self._double = np.square(self._centroids), 2 * self._centroids
        self._center = np.asarray([feature.center for feature in coordinates])
        self._scale = np.asarray([feature.scale for feature in coordinates])
        self._missing = np.asarray([feature.missing for feature in coordinates])
        self._logs = np.flatnonzero([feature.log for feature in coordinates])
        order = [at for name in learned.names for at, one in enumerate(coordinates) if one.name == name]
        counts = [sum(one.name == name for one in coordinates) for name in learned.names]
        self._order = None if order == sorted(order) else np.asarray(order)
        self._starts = np.r_[0, np.cumsum(counts)[:-1]].astype(np.intp)
        self._alone = len(counts) == len(order)

    def scaled(self, raw: Floats) -> Floats:
        """Raw values in the scaled space, both of shape (rows, coordinates); missing ones are NaN in `raw` only."""
        values = raw.copy()
        if len(self._logs):
            logs = raw.take(self._logs, axis=1)
            values[:, self._logs] = np.copysign(np.log1p(np.abs(logs)), logs)
        values -= self._center
        values /= self._scale
        return np.where(np.isnan(values), self._missing, values)

    def assign(self, raw: Floats) -> Nearest:
        """The clusters of rows of raw values, shape (rows, coordinates)."""
        size = max(1, _BLOCK // self._centroids.size)
        if len(raw) <= size:
            return self._nearest(self.scaled(raw))
        blocks = [self._nearest(self.scaled(raw[start : start + size])) for start in range(0, len(raw), size)]
        return Nearest(
            np.concatenate([one.which for one in blocks]),
            np.concatenate([one.next for one in blocks]),
            np.concatenate([one.margin for one in blocks]),
            np.concatenate([one.contributions for one in blocks]),
        )

    def _nearest(self, values: Floats) -> Nearest:
        """Of scaled rows. Terms are added up one after the other, so that a sum is the same among however many rows."""
        terms = self._squares - self._double * values[:, None, :]  # of |x - c|^2, less what all of them share
        sums = np.add.accumulate(terms, axis=2)[:, :, -1]
        order = sums.argsort(axis=1, kind="stable")
        which, following = order[:, 0], order[:, 1]
        nearest, other = self._centroids.take(which, axis=0), self._centroids.take(following, axis=0)
        parts = (other - nearest) * (other + nearest - 2 * values)
        contributions = self._by_feature(parts).round(DECIMALS)
        contributions += 0.0  # none is a negative zero
        margin = np.add.accumulate(contributions, axis=1)[:, -1].round(DECIMALS)
        return Nearest(which, following, np.maximum(margin, 0.0), contributions)

    def _by_feature(self, parts: Floats) -> Floats:
        ordered = parts if self._order is None else parts.take(self._order, axis=1)
        return ordered if self._alone else np.add.reduceat(ordered, self._starts, axis=1)

    def raw_of(self, columns: Mapping[str, NDArray[np.float64] | NDArray[np.object_]]) -> Floats:
        """Raw values, shape (rows, coordinates), of columns by name.

        Args:
            columns: Numbers as float64 with NaN where missing; categories as texts, None where missing.
        """
        found = [_raw(feature, columns[feature.name]) for feature in self.learned.features]
        return np.stack(found, axis=1)


def _raw(feature: LearnedFeature, column: NDArray[np.float64] | NDArray[np.object_]) -> Floats:
    if feature.kind == "number":
        return column.astype(np.float64)
    if feature.kind == "level":
        return np.asarray(column == feature.level, np.float64)
    if column.dtype == object:
        return np.asarray([value is None for value in column.tolist()], np.float64)
    return np.isnan(column.astype(np.float64)).astype(np.float64)


_decode = msgspec.json.Decoder(LearnedSegments).decode  # looked up now: two threads that are the first crash msgspec


def read_learned(content: bytes) -> LearnedSegments:
    """The clusters that a JSON file holds.

    Raises:
        ValueError: It holds none, or clusters that break a rule.
    """
    return _decode(content)
