"""New groups against those in service: the codes they keep, who would move, and whether they may serve."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from scoring.segments.learned import LearnedFeature, LearnedSegments
from scoring.segments.segmentation_bundle import Segmentation, Verdict
from scoring.text.promotion import BandMoves
from training.promotion.gate import Decision
from training.task import Mode

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NUMBERED = re.compile(r"group_(\d+)")


def decide_segmentation(
    verdict: Verdict, champion: Segmentation | None, moves: BandMoves | None, *, mode: Mode
) -> Decision:
    """Whether a segmentation becomes the champion; where nothing was found no mode lets it.

    Args:
        verdict: What was found of it.
        champion: What is in service.
        moves: Who would move, where the champion can say where customers are.
        mode: `gate` decides, `never` and `always` are as of models.
    """
    if verdict == "none":
        return Decision(promote=False, rule="segmentation_none", refused=True)
    if mode == "never":
        return Decision(promote=False, rule="never")
    figures = Decision(promote=True, rule="").figures
    if moves:
        figures["group_moves"] = moves
    if mode == "always":
        return Decision(promote=True, rule="always", figures=figures)
    if champion is None:
        return Decision(promote=True, rule="segmentation_first", figures=figures)
    weaker = champion.manifest.verdict == "clusters" and verdict == "slices"
    rule = "segmentation_weaker" if weaker else "segmentation_refit"
    return Decision(promote=not weaker, rule=rule, figures=figures)


def group_moves(before: Ints, after: Ints, champion: LearnedSegments, learned: LearnedSegments) -> BandMoves:
    """How many of the same customers would be in another group, by the champion's code, then by the new one."""
    counted = Counter(zip(before.tolist(), after.tolist(), strict=True))
    from_to: dict[str, dict[str, int]] = {}
    for (old, new), count in sorted(counted.items()):
        from_to.setdefault(champion.codes[old], {})[learned.codes[new]] = count
    changed = sum(count for (old, new), count in counted.items() if champion.codes[old] != learned.codes[new])
    return {"changed": changed, "rows": len(before), "from_to": from_to}


def first_codes(count: int) -> tuple[str, ...]:
    """The codes of clusters that nothing came before, in their order.

    >>> first_codes(3)
    ('group_1', 'group_2', 'group_3')
    """
    return tuple(f"group_{number}" for number in range(1, count + 1))


def stable_codes(learned: LearnedSegments, champion: LearnedSegments, used: Iterable[str]) -> tuple[str, ...]:
    """The codes of new clusters, in their order, given the champion's.

    Pairs are those of the least sum of squared distances in the champion's space (Kuhn 1955, the Hungarian method). A
    cluster that is farther from its pair than any two of the champion's are from each other is none of them: it has a
    code that nothing was ever called.

    Args:
        learned: The new clusters; their own codes do not count.
        champion: Those in service.
        used: Codes that were ever given.
    """
    new, old = _in_space_of(champion, learned), np.asarray(champion.centroids, np.float64)
    known = ~np.isnan(new).any(axis=0)
    found: dict[int, str] = {}
    if known.any():
        distances = np.square(new[:, None, known] - old[None, :, known]).sum(axis=2)
        between = np.square(old[:, None, known] - old[None, :, known]).sum(axis=2)
        for ours, theirs in zip(*linear_sum_assignment(distances), strict=True):
            if distances[ours, theirs] <= between.max():
                found[int(ours)] = champion.codes[theirs]
    fresh = _fresh({*used, *champion.codes})
    return tuple(found.get(at) or next(fresh) for at in range(len(learned.codes)))


def _in_space_of(champion: LearnedSegments, learned: LearnedSegments) -> Floats:
    """The new centroids in the champion's space, shape (clusters, its coordinates); NaN where they have none of one."""
    places = {(one.name, one.kind, one.level): at for at, one in enumerate(learned.features)}
    centroids, columns = np.asarray(learned.centroids, np.float64), []
    for theirs in champion.features:
        at = places.get((theirs.name, theirs.kind, theirs.level))
        if at is None:
            columns.append(np.full(len(centroids), np.nan))
        else:
            columns.append(_rescaled(centroids[:, at], learned.features[at], theirs))
    return np.stack(columns, axis=1)


def _rescaled(values: Floats, ours: LearnedFeature, theirs: LearnedFeature) -> Floats:
    shown = values * ours.scale + ours.center
    if ours.log != theirs.log:
        shown = _signed(np.expm1(np.abs(shown)), shown) if ours.log else _signed(np.log1p(np.abs(shown)), shown)
    return np.asarray((shown - theirs.center) / theirs.scale)


def _signed(amounts: Floats, of: Floats) -> Floats:
    return np.asarray(np.copysign(amounts, of))


def _fresh(used: set[str]) -> Iterator[str]:
    numbers = [int(found[1]) for code in used if (found := _NUMBERED.fullmatch(code))]
    return (f"group_{number}" for number in range(max(numbers, default=0) + 1, 10_000))
