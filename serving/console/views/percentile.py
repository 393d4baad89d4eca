"""The rank of a value among the customers a model learnt from, by the histograms its bundle carries."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NotRequired, TypedDict

from features.spec.feature import MISSING, Feature
from scoring.bundle.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Rank:
    """The share of the reference below a value, and the share that stands where it stands; both in 0..1.

    `below` is None where values have no order, or where the value is missing.
    """

    share: float
    below: float | None = None
    missing: bool = False


class FeatureHistogram(TypedDict):
    """A feature of `reference.json`: rows by level, or between edges, and those where it is missing."""

    levels: NotRequired[dict[str, int]]
    edges: list[float]
    counts: list[int]
    missing: int


@lru_cache(maxsize=64)
def _reference(content: bytes) -> Mapping[str, FeatureHistogram]:
    return dict(json.loads(content).get("features", {}))


def rank_of(bundle: Bundle, feature: Feature, encoded: float) -> Rank | None:
    """The rank of an encoded value; None where the bundle has no histogram of its feature."""
    histogram = _reference(bundle.files.get("reference.json", b"{}")).get(feature.name)
    if histogram is None:
        return None
    if "levels" in histogram:
        level = bundle.manifest.encoder[feature.name][int(encoded)]
        total = sum(histogram["levels"].values())
        return Rank(histogram["levels"].get(level, 0) / total, missing=level == MISSING) if total else None
    total = sum(histogram["counts"]) + histogram["missing"]
    if not total:
        return None
    if math.isnan(encoded):
        return Rank(histogram["missing"] / total, missing=True)
    known = sum(histogram["counts"])
    if not known:
        return None
    position = bisect_right(histogram["edges"], encoded)
    share = histogram["counts"][position] / known
    return Rank(share) if feature.type == "boolean" else Rank(share, sum(histogram["counts"][:position]) / known)
