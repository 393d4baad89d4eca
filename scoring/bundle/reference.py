"""The customers that a model learned from, as its bundle keeps them: counts in bins, feature by feature."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.bundle.bundle import Bundle

REFERENCE = "reference.json"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class StoredHistogram(Struct, frozen=True):
    """By level, or between rising edges (a value equal to one lies above it), with a count of missing values."""

    levels: dict[str, int] = {}
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    missing: int = 0


class StoredReference(Struct, frozen=True):
    """`reference.json`; an older bundle may have none of it."""

    features: dict[str, StoredHistogram] = {}
    score: StoredHistogram | None = None


@dataclass(frozen=True, slots=True)
class Bins:
    """A feature's bins: of a category one a level; of any other those between edges, and one of what is missing."""

    edges: Floats | None  # None of a category
    counts: Ints  # in the reference

    @property
    def missing(self) -> int | None:
        """Which bin is of missing values; a category has a level for them."""
        return None if self.edges is None else len(self.counts) - 1

    def of(self, column: Floats) -> Ints:
        """The bin of each encoded value."""
        if self.edges is None:
            return np.asarray(column, np.int64)
        found = np.searchsorted(self.edges, column, side="right")
        return np.where(np.isnan(column), len(self.counts) - 1, found)

    def count(self, column: Floats) -> Ints:
        """How many values lie in each bin."""
        return np.bincount(self.of(column), minlength=len(self.counts))


class BinCounts:
    """How many encoded rows lie in each bin of each feature, and of the scores; nothing of a row is kept."""

    def __init__(self, bundle: Bundle) -> None:
        position = {feature.name: place for place, feature in enumerate(bundle.features)}
        self._bins = {name: (position[name], bins) for name, bins in bins_of(bundle).items()}
        stored = reference_of(bundle).score
        self._score_edges = np.asarray(stored.edges if stored else (), np.float64)
        self.rows = 0
        self.features = {name: np.zeros(len(bins.counts), np.int64) for name, (_, bins) in self._bins.items()}
        self.score = np.zeros(len(self._score_edges) + 1, np.int64)

    def add(self, matrix: Floats, probability: Floats) -> None:
        """Counts rows, shape (rows, features), with their scores."""
        self.rows += len(matrix)
        for name, (position, bins) in self._bins.items():
            self.features[name] += bins.count(matrix[:, position])
        found = np.searchsorted(self._score_edges, probability, side="right")
        self.score += np.bincount(found, minlength=len(self.score))


def reference_of(bundle: Bundle) -> StoredReference:
    """What a bundle keeps of the customers it was learned from."""
    return msgspec.json.decode(bundle.files.get(REFERENCE, b"{}"), type=StoredReference)


def bins_of(bundle: Bundle) -> dict[str, Bins]:
    """The bins of each feature that the bundle keeps a histogram of."""
    stored = reference_of(bundle).features
    found = {
        feature.name: _bins(feature, stored[feature.name], bundle)
        for feature in bundle.features
        if feature.name in stored
    }
    return {name: bins for name, bins in found.items() if bins is not None and bins.counts.sum()}


def _bins(feature: Feature, stored: StoredHistogram, bundle: Bundle) -> Bins | None:
    if feature.type == "category":
        codes = bundle.manifest.encoder.get(feature.name, [])
        return Bins(None, np.array([stored.levels.get(code, 0) for code in codes], np.int64))
    if len(stored.counts) != len(stored.edges) + 1:
        return None
    return Bins(np.asarray(stored.edges, np.float64), np.array([*stored.counts, stored.missing], np.int64))


msgspec.json.Decoder(StoredReference)  # looked up now: two threads that are the first to use a type crash msgspec
