"""Groups of customers, found and judged: what `penchant discover` says, before anything is registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build.discovery_rows import DiscoveryRows
from features.config.discover_section import Method
from features.spec.feature import Feature
from scoring.reasons.persona_names import Distinguishing
from scoring.segments.learned import LearnedFeature, LearnedSegments
from scoring.segments.segmentation_bundle import Verdict
from training.segmentation.density import OUTLIER, apartness
from training.segmentation.group_gate import first_codes
from training.segmentation.grouping import (
    CustomerGrouping,
    by_density,
    by_kmeans,
    by_map,
    by_tree,
    grouped_again,
    jaccard_per_group,
    rand_index,
)
from training.segmentation.later_outcomes import GroupOutcome, ScoreGain, order_kept, realised, score_gain
from training.segmentation.margins import without_states
from training.segmentation.partition import SHOWN_ROWS, Silhouettes
from training.segmentation.scaled_space import ScaledSpace, scaled_space
from training.segmentation.search import least_depth
from training.segmentation.sheets.group_sheets import GroupedRows, distinguishing, numbers
from training.segmentation.structure import (
    SEARCHED_ROWS,
    SURE_Z,
    Structure,
    by_a_gap,
    fitted_space,
    null_points,
    structure,
)
from training.segmentation.valleys import DEEP

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STABLE = 0.6  # Jaccard index of the least stable group from which a continuum is cut alike again (Hennig 2007)
APART = 0.2  # of groups of any shape, from which the room around them is wider than their own steps
COMPARED_ROWS = 2_500
RESAMPLES, COSTLY_RESAMPLES = 20, 10
FEWEST_ROWS = 50  # below which nothing is looked for
OUTLIERS = "outliers"
RARE = 0.05  # share of the rows below which a dense group is called rare


@dataclass(frozen=True, slots=True)
class Discovered:
    """Groups, and all that speaks for and against them."""

    method: Method
    verdict: Verdict
    grouping: CustomerGrouping  # what is reported: one group of all where nothing was found and no k was asked for
    tried: int  # the k that was judged
    codes: tuple[str, ...]  # in the order of groups, outliers last
    sizes: tuple[int, ...]
    silhouette: float
    structure: Structure | None  # None where too few customers differ
    apart: tuple[float, float] | None  # of dense groups: how far apart they are, and the most in a redraw
    jaccard: tuple[float, ...] | None  # of each group that was judged
    rand_over_time: tuple[float, ...]  # frozen against refit, at each later moment
    rates: tuple[tuple[GroupOutcome, ...], ...]  # by later moment, then by group
    order_kept: bool | None
    gain: ScoreGain | None
    learned: LearnedSegments | None  # what can be served
    differences: dict[str, list[Distinguishing]]  # by code, the most distinguishing first


def discover(found: DiscoveryRows, *, method: Method, k: int | None, seed: int) -> Discovered:
    """Looks for groups and judges them.

    Args:
        found: The customers, and what became of them later, where that is known.
        method: How groups are made; of each but `density` k decides how many.
        k: How many groups; None for as many as valleys part, or as the elbow says where there are none.
        seed: Everything drawn depends on it.
    """
    space = scaled_space(found.rows, found.features)
    columns = space.columns(found.rows) if space.names else np.empty((found.rows.height, 0))
    if not space.names or len(np.unique(columns, axis=0)) < FEWEST_ROWS // 5 or len(columns) < FEWEST_ROWS:
        return _nothing(method, found.rows.height)
    judged = structure(space, columns, seed=seed, most_k=k or 0)
    points = judged.space.points(columns)
    grouping = _group(method, points, judged, k, seed)
    labels = grouping.assign(points)
    sample = np.random.default_rng(seed).permutation(len(points))[:SEARCHED_ROWS]
    silhouette = Silhouettes(points[sample[:SHOWN_ROWS]]).of(labels[sample[:SHOWN_ROWS]])
    apart = _apart(points[sample[:SHOWN_ROWS]], judged, seed) if method == "density" else None
    blind = without_states(points[sample], points[sample], seed)
    stands = _stands(judged, grouping, points[sample], blind, labels[sample], apart)
    jaccard = _jaccard(method, points[sample[:COMPARED_ROWS]], labels[sample[:COMPARED_ROWS]], judged, grouping, seed)
    later = [judged.space.points(judged.space.columns(rows)) for rows in found.later]
    groups = [grouping.assign(each) for each in later]
    names = [*range(grouping.k), *([OUTLIER] if (labels == OUTLIER).any() else [])]
    outcomes = [_outcome(rows) for rows in found.later]
    rates = tuple(tuple(realised(*pair, names)) for pair in zip(groups, outcomes, strict=True))
    kept = order_kept([each[: grouping.k] for each in rates])
    verdict = _verdict(judged, grouping.k, stands=stands, jaccard=jaccard, kept=kept)
    if verdict == "none" and k is None and grouping.k > 1:
        one = by_kmeans(points, judged.plain[0], seed=seed)
        return _nothing(method, len(points), judged, grouping, silhouette, apart, one)
    sizes = tuple(int((labels == name).sum()) for name in names)
    codes = (*first_codes(grouping.k), *([OUTLIERS] if OUTLIER in names else []))
    learned = _learned(judged.space, grouping)
    return Discovered(
        method,
        verdict,
        grouping,
        grouping.k,
        codes,
        sizes,
        silhouette,
        judged,
        apart,
        tuple(jaccard.tolist()),
        _over_time(method, found, judged, grouping, seed) if found.in_time else (),
        rates,
        kept,
        _gain(found, [labels, *groups], seed) if found.in_time else None,
        learned,
        _differences(found, points, labels, judged.space, codes),
    )


def _nothing(
    method: Method,
    rows: int,
    judged: Structure | None = None,
    tried: CustomerGrouping | None = None,
    silhouette: float = 0.0,
    apart: tuple[float, float] | None = None,
    one: CustomerGrouping | None = None,
) -> Discovered:
    """All customers are one group."""
    all_of_them = one or CustomerGrouping(lambda x: np.zeros(len(x), dtype=np.int64), 1)
    return Discovered(
        method,
        "none",
        CustomerGrouping(all_of_them.assign, 1, all_of_them.centroids, tried.drawn if tried else None),
        tried.k if tried else 1,
        first_codes(1),
        (rows,),
        silhouette,
        judged,
        apart,
        None,
        (),
        (),
        None,
        None,
        None,
        {},
    )


def _group(method: Method, points: Floats, judged: Structure, k: int | None, seed: int) -> CustomerGrouping:
    if method == "density":
        return by_density(points, k, seed=seed)
    parted = judged.candidate.parted if judged.candidate is not None and judged.stands else None
    count = k or (parted.k if parted is not None else judged.suggested)
    if method == "hierarchical":
        return by_tree(points, count, seed=seed)
    if method == "som":
        return by_map(points, count, seed=seed)
    if parted is not None and parted.k == count:
        return by_kmeans(points, parted, seed=seed, still=True)
    return by_kmeans(points, judged.plain[min(count, len(judged.plain)) - 1], seed=seed)


def _stands(
    judged: Structure,
    grouping: CustomerGrouping,
    points: Floats,
    blind: Floats,
    labels: Integers,
    apart: tuple[float, float] | None,
) -> bool:
    """Whether the groups are clusters: with a valley or a gap between every two, which the redraws do not have."""
    if grouping.k < 2 or len(np.unique(labels[labels >= 0])) < grouping.k:
        return False
    if apart is not None:
        means = np.array([points[labels == one].mean(axis=0) for one in range(grouping.k)])
        more = apart[0] > apart[1] or by_a_gap(judged.space, judged.gaps, means)
        return apart[0] >= APART and more
    return judged.stands and least_depth(blind, labels) >= DEEP


def _apart(points: Floats, judged: Structure, seed: int) -> tuple[float, float]:
    """How far dense groups are apart, and the most in a redraw without clusters."""
    own = by_density(points, None, seed=seed)
    observed = apartness(points, own.assign(points))
    null = [
        apartness(each, by_density(each, None, seed=seed).assign(each)) for each in null_points(judged, len(points))
    ]
    return observed, max(null, default=0.0)


def _jaccard(
    method: Method, points: Floats, labels: Integers, judged: Structure, grouping: CustomerGrouping, seed: int
) -> Floats:
    valleys = judged.stands
    costly = valleys or method != "kmeans"
    return jaccard_per_group(
        points,
        labels,
        grouping.k,
        lambda drawn, turn: grouped_again(method, drawn, grouping.k, seed=turn, parted_by_valleys=valleys).assign,
        seed=seed,
        resamples=COSTLY_RESAMPLES if costly else RESAMPLES,
    )


def _verdict(judged: Structure, k: int, *, stands: bool, jaccard: Floats, kept: bool | None) -> Verdict:
    if k < 2:
        return "none"
    if stands:
        return "clusters"
    more = judged.null.z(k) >= SURE_Z and float(jaccard.min(initial=1.0)) >= STABLE
    return "slices" if kept or more else "none"


def _over_time(
    method: Method, found: DiscoveryRows, judged: Structure, grouping: CustomerGrouping, seed: int
) -> tuple[float, ...]:
    """Adjusted Rand indices at each later moment: the groups as they are against groups made anew then."""
    indices = []
    for rows in found.later:
        picked = np.sort(np.random.default_rng(seed).permutation(rows.height)[:SEARCHED_ROWS])
        few = rows[picked]
        anew = scaled_space(few, found.features)
        if not anew.names:
            continue
        anew = fitted_space(anew, anew.columns(few), seed=seed)
        points = anew.points(anew.columns(few))
        again = grouped_again(method, points, grouping.k, seed=seed, parted_by_valleys=judged.stands)
        frozen = grouping.assign(judged.space.points(judged.space.columns(few)))
        indices.append(rand_index(frozen, again.assign(points)))
    return tuple(indices)


def _gain(found: DiscoveryRows, groups: Sequence[Integers], seed: int) -> ScoreGain | None:
    """What groups add to a score made of every feature."""
    parts = [found.rows, *found.later]
    names = [feature.name for feature in found.every if feature.type != "category"]
    features = [np.column_stack([numbers(part[name]) for name in names]) for part in parts] if names else []
    return score_gain(features, [_outcome(part) for part in parts], groups, seed=seed) if names else None


def _outcome(rows: pl.DataFrame) -> Floats:
    return rows["__label"].cast(pl.Float64).to_numpy()


def _learned(space: ScaledSpace, grouping: CustomerGrouping) -> LearnedSegments | None:
    """The groups as they are served."""
    if grouping.centroids is None or grouping.k < 2:
        return None
    return _as_learned(space, grouping.centroids, first_codes(grouping.k))


def _as_learned(space: ScaledSpace, centroids: Floats, codes: Sequence[str]) -> LearnedSegments:
    coordinates = tuple(
        LearnedFeature(
            name=one.name,
            kind=one.kind,
            level=one.level,
            log=one.log,
            center=one.center,
            scale=one.scale,
            missing=one.missing,
        )
        for one in space.coordinates
    )
    return LearnedSegments(
        features=coordinates,
        centroids=tuple(tuple(each) for each in centroids.tolist()),
        codes=tuple(codes),
        labels={code: {"en": code, "fr": code} for code in codes},
    )


def _differences(
    found: DiscoveryRows, points: Floats, labels: Integers, space: ScaledSpace, codes: tuple[str, ...]
) -> dict[str, list[Distinguishing]]:
    """By which features each group differs from all customers."""
    if len(codes) < 2:
        return {}
    which = np.where(labels == OUTLIER, len(codes) - 1, labels)
    means = np.array([points[which == at].mean(axis=0) for at in range(len(codes))])
    features: tuple[Feature, ...] = found.features
    return distinguishing(GroupedRows(found.rows, points, which), _as_learned(space, means, codes), features)
