"""What the console shows of the test rows: how much features move scores and which way, and groups at any threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.config.use_case import UseCase
from features.spec.feature import Feature
from scoring.bundle.bundle import Bundle
from training.bundling.curves import CurveDocument, curve_of
from training.diagnostics.groups import LEAST, declared, grouped, merged

DEPENDENT = 10  # features whose dependence is kept, the strongest
PLACES = 12  # most places of one
LEAST_ROWS = 10  # of a place: fewer are not shown
CUTS = 100  # most cuts of a group's curve

Floats = NDArray[np.float64]


class WeightDocument(TypedDict):
    """A feature's share of all absolute contributions; null: those that may not be named, together."""

    feature: str | None
    share: float


class PlaceDocument(TypedDict):
    """Rows of like values: their middle (encoded, null where missing), and what it added in calibrated log-odds."""

    at: float | None
    rows: int
    adds: float
    low: float  # a tenth of the rows had less
    high: float


class DependenceDocument(TypedDict):
    """A feature's values, rising, and what they add."""

    feature: str
    places: list[PlaceDocument]


class GroupCurveDocument(TypedDict):
    """A group and its curve of outcomes."""

    group: str
    curve: CurveDocument


class TraitDocument(TypedDict):
    """A declared trait and its groups, the largest first."""

    feature: str
    groups: list[GroupCurveDocument]


class EvidenceDocument(TypedDict):
    """`evidence.json` of a bundle."""

    rows: int
    importance: list[WeightDocument]
    dependence: list[DependenceDocument]
    groups: list[TraitDocument]


def evidence_document(
    bundle: Bundle, drawn: Floats, contributions: Floats, groups: list[TraitDocument]
) -> EvidenceDocument:
    """What is kept of some encoded test rows and their contributions, both of shape (rows, features)."""
    strength = np.abs(contributions).mean(axis=0)
    ranked = [at for at in np.argsort(-strength, kind="stable").tolist() if strength[at] > 0]
    named = [at for at in ranked if bundle.features[at].name not in bundle.forbidden]
    return {
        "rows": len(drawn),
        "importance": _importance(bundle, strength, named),
        "dependence": [
            {
                "feature": bundle.features[at].name,
                "places": places(bundle.features[at], drawn[:, at], contributions[:, at]),
            }
            for at in named[:DEPENDENT]
        ],
        "groups": groups,
    }


def _importance(bundle: Bundle, strength: Floats, named: Sequence[int]) -> list[WeightDocument]:
    total = float(strength.sum()) or 1.0
    found: list[WeightDocument] = [
        {"feature": bundle.features[at].name, "share": round(float(strength[at]) / total, 6)} for at in named
    ]
    rest = float(strength.sum() - strength[list(named)].sum()) / total
    if rest > 0 and bundle.forbidden:
        found.append({"feature": None, "share": round(rest, 6)})
    return sorted(found, key=lambda one: -one["share"])


def places(feature: Feature, values: Floats, adds: Floats) -> list[PlaceDocument]:
    """What like values of a feature add: each level or few values by itself, else quantiles; missing ones last."""
    known = ~np.isnan(values)
    found = []
    if known.any():
        distinct = np.unique(values[known])
        if feature.type == "category" or len(distinct) <= PLACES:
            which = np.searchsorted(distinct, values[known])
        else:
            edges = np.unique(np.quantile(values[known], np.linspace(0, 1, PLACES + 1)[1:-1]))
            which = np.searchsorted(edges, values[known], side="right")
        for one in range(int(which.max()) + 1):
            mine = which == one
            found.append((float(np.median(values[known][mine])) if mine.any() else 0.0, adds[known][mine]))
    kept: list[PlaceDocument] = [_place(at, mine) for at, mine in found if len(mine) >= LEAST_ROWS]
    if feature.type == "category":
        kept = sorted(kept, key=lambda one: -one["rows"])[:PLACES]
    missing = adds[~known]
    return [*kept, _place(None, missing)] if len(missing) >= LEAST_ROWS else kept


def _place(at: float | None, adds: Floats) -> PlaceDocument:
    low, high = np.quantile(adds, (0.1, 0.9)).tolist()
    return {
        "at": at,
        "rows": len(adds),
        "adds": round(float(adds.mean()), 6),
        "low": round(low, 6),
        "high": round(high, 6),
    }


def group_curves(
    use_case: UseCase, features: tuple[Feature, ...], rows: pl.DataFrame, label: Floats, served: Floats
) -> list[TraitDocument]:
    """The curve of each declared trait's groups on the test rows; groups of fewer than `LEAST` rows are together."""
    found: list[TraitDocument] = []
    for feature in declared(use_case, features):
        group = merged(grouped(rows[feature.name]))
        sizes: Mapping[str, int] = dict(group.value_counts().iter_rows())
        shown = sorted((name for name, count in sizes.items() if count >= LEAST), key=lambda name: (-sizes[name], name))
        curves: list[GroupCurveDocument] = []
        for name in shown:
            mine = (group == name).to_numpy()
            curves.append({"group": name, "curve": curve_of(label[mine], served[mine], CUTS)})
        found.append({"feature": feature.name, "groups": curves})
    return found
