"""Whether there are clusters at all: what the data shows, against the same data without any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.segmentation.copula_null import CopulaNull
from training.segmentation.margins import Gap, gap_of, without_states
from training.segmentation.partition import SHOWN_ROWS, Parted, Silhouettes, kmeans
from training.segmentation.scaled_space import ScaledSpace
from training.segmentation.search import MOST_K, STARTS, Candidate, separated

Floats = NDArray[np.float64]

SEARCHED_ROWS = 5_000  # that clusters are looked for in
NULL_ROWS = 2_500  # of each redraw without clusters, and of the data it is compared with
REDRAWS = 20
SURE_Z = 3.0  # standard deviations of redraws from which the data shows more than margins and rank correlation
LEAST_SPREAD = 1e-3  # of redraws' silhouettes, for a z


@dataclass(frozen=True, slots=True)
class NullComparison:
    """Silhouettes by k, 2 upward: of the data, and of redraws with the same margins and the same rank correlation."""

    observed: tuple[float, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def excess(self, k: int) -> float:
        """How much more the data has than its redraws; 0 for one cluster."""
        return self.observed[k - 2] - self.mean[k - 2] if 2 <= k < len(self.observed) + 2 else 0.0

    def z(self, k: int) -> float:
        """The same in standard deviations of the redraws."""
        return self.excess(k) / max(self.spread[k - 2], LEAST_SPREAD) if 2 <= k < len(self.observed) + 2 else 0.0


@dataclass(frozen=True, slots=True)
class Structure:
    """What was found in a sample of rows."""

    space: ScaledSpace
    gaps: Mapping[str, Gap]  # by number
    plain: tuple[Parted, ...]  # K-means of 1, 2, ...
    candidate: Candidate | None  # the most clusters with a valley between every two
    stands: bool  # whether the candidate is more than what margins and rank correlation make
    null: NullComparison
    draws: tuple[Floats, ...]  # the redraws, in the space
    seen_in_null: int  # redraws that fall into as many clusters, of those looked at
    redraws: int

    @property
    def suggested(self) -> int:
        """Where no valleys say it: the k that is surest to have more than the redraws, if any is, else the elbow."""
        ks = [k for k in range(2, len(self.plain) + 1) if self.null.z(k) >= SURE_Z]
        return max(ks, key=self.null.z) if ks else max(self.elbow, 2)

    @property
    def elbow(self) -> int:
        """The k from which more clusters bring little: farthest below the line from the first inertia to the last."""
        inertia = np.array([each.inertia for each in self.plain])
        if len(inertia) < 3:
            return len(inertia)
        line = np.linspace(inertia[0], inertia[-1], len(inertia))
        return int(np.argmax(line - inertia)) + 1


def structure(space: ScaledSpace, columns: Floats, *, seed: int, most_k: int = 0) -> Structure:
    """Looks for clusters in at most SEARCHED_ROWS rows, NaN missing; K-means is tried up to `most_k` too."""
    generator = np.random.default_rng(seed)
    columns = columns[generator.permutation(len(columns))[:SEARCHED_ROWS]]
    gaps = _gaps(space, columns, generator)
    space = _scaled_within(space, columns, gaps)
    points = space.points(space.spread_ties(columns, generator))
    most = min(max(MOST_K, most_k), len(points) // 2)
    plain = tuple(kmeans(points, k, seed=seed) for k in range(1, most + 1))
    candidate = separated(points, without_states(space.points(columns), points, seed), seed=seed, plain=plain)
    null = CopulaNull(columns[:NULL_ROWS], generator)
    redrawn, draws = list[Floats](), list[Floats]()
    for _ in range(REDRAWS):
        redrawn.append(null.draw(generator))
        draws.append(space.points(space.spread_ties(redrawn[-1], generator)))
    compared = _compared(points[:NULL_ROWS], draws, most, seed)
    looked, seen = 0, 0
    stands = candidate is not None and by_a_gap(space, gaps, candidate.parted.centroids)
    if candidate is not None and not stands:
        blind = (without_states(space.points(a), b, seed) for a, b in zip(redrawn, draws, strict=True))
        looked, seen = _seen_in(zip(draws, blind, strict=True), candidate, seed)
        stands = seen == 0
    return Structure(space, gaps, plain, candidate, stands, compared, tuple(draws), seen, looked)


def fitted_space(space: ScaledSpace, columns: Floats, *, seed: int) -> ScaledSpace:
    """The space of other rows, numbers with a gap on the scale of their parts, as `structure` has it."""
    generator = np.random.default_rng(seed)
    return _scaled_within(space, columns, _gaps(space, columns, generator))


def null_points(judged: Structure, rows: int) -> list[Floats]:
    """The redraws without clusters, of at most so many rows each."""
    return [each[:rows] for each in judged.draws]


def _gaps(space: ScaledSpace, columns: Floats, generator: np.random.Generator) -> dict[str, Gap]:
    found = {}
    for at, one in enumerate(space.coordinates):
        if one.kind == "number" and (gap := gap_of(space.shown(columns, at), generator, len(columns))):
            found[one.name] = gap
    return found


def _scaled_within(space: ScaledSpace, columns: Floats, gaps: Mapping[str, Gap]) -> ScaledSpace:
    """Numbers that fall into parts on the scale of their parts: across the gap they would look closer than they are."""
    scales = {}
    for at, one in enumerate(space.coordinates):
        if one.kind == "number" and one.name in gaps and gaps[one.name].shows:
            values, middle = space.shown(columns, at), gaps[one.name].at
            parts = [values[values <= middle], values[values > middle]]
            spread = np.sqrt(sum(float(((part - np.median(part)) ** 2).sum()) for part in parts) / len(values))
            scales[at] = float(spread) or one.scale
    return space.rescaled(scales)


def by_a_gap(space: ScaledSpace, gaps: Mapping[str, Gap], centroids: Floats) -> bool:
    """Whether some column by itself has a gap and a cluster on either side of it: redraws have the gap too."""
    for at, one in enumerate(space.coordinates):
        if one.kind == "number" and one.name in gaps and gaps[one.name].shows:
            middle = (gaps[one.name].at - one.center) / one.scale
            beyond = centroids[:, at] > middle
            if beyond.any() and not beyond.all():
                return True
    return False


def _compared(points: Floats, draws: Sequence[Floats], most: int, seed: int) -> NullComparison:
    null = np.array([_silhouettes(each, most, seed) for each in draws])
    observed = _silhouettes(points, most, seed)
    mean, spread = null.mean(axis=0), null.std(axis=0, ddof=1)
    return NullComparison(tuple(observed.tolist()), tuple(mean.tolist()), tuple(spread.tolist()))


def _silhouettes(points: Floats, most: int, seed: int) -> Floats:
    """Of K-means with each k from 2, all fitted alike."""
    shown, found = Silhouettes(points[:SHOWN_ROWS]), []
    for k in range(2, most + 1):
        distinct = k < len(points)
        found.append(shown.of(kmeans(points, k, seed=seed, starts=STARTS).labels[:SHOWN_ROWS]) if distinct else 0.0)
    return np.array(found)


def _seen_in(draws: Iterable[tuple[Floats, Floats]], candidate: Candidate, seed: int) -> tuple[int, int]:
    """How many redraws were looked at, up to the first that falls into as many clusters, and how many did."""
    looked = 0
    for points, blind in draws:
        looked += 1
        found = separated(points, blind, seed=seed, plain=())
        if found is not None and found.parted.k >= candidate.parted.k:
            return looked, 1
    return looked, 0
