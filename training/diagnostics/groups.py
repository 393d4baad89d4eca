"""Who is scored rightly: rates and calibration of each declared group on the test rows, small groups merged."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import TypedDict

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.config.use_case import LogUseCase, UseCase
from features.spec.feature import MISSING, Feature
from training.data.clusters import Clusters
from training.evaluation.calibration_error import calibration_error_interval
from training.evaluation.metrics import Outcomes, ece_by_chance, wilson

LEAST = 50  # rows of a group below which it is shown with others only, so that nobody is shown
MOST = 12  # groups of one trait shown by themselves, the largest first
DISTINCT = 5  # values of a number up to which each is a group; more are shown by quarter
OTHERS = "(others)"

Floats = NDArray[np.float64]


class GroupFigures(TypedDict):
    """A group's rates and calibration on the test rows."""

    group: str
    rows: int
    predicted: float
    realised: float
    low: float  # of the realised rate's 90% interval
    high: float
    ece: float
    ece_low: float  # of its 95% interval
    ece_high: float
    ece_by_chance: float


class TraitGroups(TypedDict):
    """A trait's groups, the largest first."""

    feature: Feature
    family: str
    groups: list[GroupFigures]


def by_group(
    use_case: UseCase,
    features: tuple[Feature, ...],
    rows: pl.DataFrame,
    label: Floats,
    served: Floats,
    clusters: Clusters,
    *,
    seed: int,
) -> list[TraitGroups]:
    """Each trait that `[profiles] groups` declares and reasons may name: its groups' rates and calibration.

    A group has `rows`, the mean `predicted` probability, the `realised` rate with a 90% interval, and the `ece` with a
    95% interval beside what chance alone would show.
    """
    measured = partial(_measured, label=label, served=served, clusters=clusters, seed=seed)
    return [
        {"feature": feature, "family": feature.family, "groups": measured(rows[feature.name])}
        for feature in declared(use_case, features)
    ]


def declared(use_case: UseCase, features: tuple[Feature, ...]) -> Iterator[Feature]:
    """The features made of a trait with a declared group; those that may never be named stay unnamed here too."""
    groups = use_case.profiles.groups if isinstance(use_case, LogUseCase) and use_case.profiles else {}
    for feature in features:
        trait = (feature.subject or "").split(": ")[0]
        if trait in groups and not {feature.name, trait} & set(use_case.reasons.forbid):
            yield feature


def grouped(column: pl.Series) -> pl.Series:
    """The group of each row as a text: a level, a value, or a quarter of the known values; gaps by themselves."""
    known = column.drop_nulls()
    if not column.dtype.is_numeric() or known.n_unique() <= DISTINCT:
        return column.cast(pl.String).fill_null(MISSING)
    edges = np.unique(np.quantile(known.to_numpy(), (0.25, 0.5, 0.75), method="higher")).tolist()
    texts = [f"< {edges[0]:g}", *(f"{low:g} to {high:g}" for low, high in pairwise(edges)), f">= {edges[-1]:g}"]
    place = np.searchsorted(edges, column.cast(pl.Float64).fill_null(0.0).to_numpy(), side="right")
    texts_of = pl.Series(column.name, [texts[at] for at in place.tolist()])
    return texts_of.zip_with(column.is_not_null(), pl.Series([MISSING])) if column.null_count() else texts_of


def merged(group: pl.Series) -> pl.Series:
    """The groups, small ones as one; where those together are still few, the next smallest joins them.

    So no group of fewer than `LEAST` rows can be had by taking the others from the whole.
    """
    sizes = group.value_counts().sort(["count", group.name], descending=[True, False])
    names, counts = sizes[group.name].to_list(), sizes["count"].to_list()
    kept = sum(count >= LEAST for count in counts[:MOST])
    while kept and 0 < sum(counts[kept:]) < LEAST:
        kept -= 1
    return group.replace_strict(names[:kept], names[:kept], default=OTHERS, return_dtype=pl.String)


def _measured(column: pl.Series, label: Floats, served: Floats, clusters: Clusters, seed: int) -> list[GroupFigures]:
    group = merged(grouped(column))
    order = group.value_counts(sort=True, name="count").sort(["count", group.name], descending=[True, False])
    measured = []
    for name in order[group.name].to_list():
        mine = (group == name).to_numpy()
        if mine.sum() >= LEAST:
            measured.append(_figures(name, label[mine], served[mine], clusters.taken(mine), seed))
    return measured


def _figures(group: str, label: Floats, served: Floats, clusters: Clusters, seed: int) -> GroupFigures:
    outcomes, rows = Outcomes.of(label, served, clusters), len(label)
    excess = outcomes.excess(np.ones(rows))
    drawn = np.stack([outcomes.excess(weights) for weights in outcomes.clusters.draws(seed=seed)])
    low, high = calibration_error_interval(excess, drawn)
    realised = float(label.mean())
    rate = wilson(float(label.sum()), rows, effect=clusters.design_effect(label - realised))
    return {
        "group": group,
        "rows": rows,
        "predicted": float(served.mean()),
        "realised": realised,
        "low": rate["low"],
        "high": rate["high"],
        "ece": float(np.abs(excess).sum()),
        "ece_low": low,
        "ece_high": high,
        "ece_by_chance": ece_by_chance(label, served, clusters, seed=seed),
    }
