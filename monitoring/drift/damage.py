"""What the drift of a feature does: whose band, segment or place on the list would be another without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.compute as pc
from msgspec.structs import replace
from numpy.typing import NDArray

from features.spec.feature import OTHER
from monitoring.drift.distance import discoveries, psi, two_sample
from monitoring.drift.mapping import mapped_back
from monitoring.drift.sampled_day import SampledDay, feature_values
from scoring.answers.served_release import Live
from scoring.bundle.reference import Bins, bins_of
from scoring.bundle.scorer import Scored
from scoring.health.health_file import FeatureDrift

FALSE_SHARE = 0.01  # of the features that are called drifted, how many may not be
LEAST_DAMAGE = 0.05  # share of the customers, or of the list, from which on drift is worth an alert
CAPACITY = 0.1  # share of the customers on the list
PLACED = 5_000  # moved customers whose segments are looked up, of each feature
MET_OFTEN = 0.005  # share of the customers with a category, from which on it counts as one that is there

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def feature_drift(day: SampledDay, name: str, *, least: float = LEAST_DAMAGE) -> tuple[FeatureDrift, ...]:
    """The features of a use case, the most damaging first.

    Each is compared with the rows that the model was fitted on, bin by bin. Those that differ, after correction for
    many tests, are mapped back to what was learned, one at a time, and the sample is scored anew.

    Args:
        day: The sample.
        name: The use case.
        least: The damage from which on drift is worth an alert.
    """
    served, rows = day.live[name], day.scored(name)
    matrix = day.matrix(name)[rows]
    if not len(rows):
        return ()
    bins = bins_of(served.release.bundle)
    position = {feature.name: place for place, feature in enumerate(served.release.bundle.features)}
    counts = {feature: bin_.count(matrix[:, position[feature]]) for feature, bin_ in bins.items()}
    p_values = {feature: two_sample(bin_.counts, counts[feature]) for feature, bin_ in bins.items()}
    drifted = dict(zip(bins, discoveries(list(p_values.values()), FALSE_SHARE), strict=True))
    scorer = _Rescorer(day, name, rows, matrix)
    found = []
    for feature, bin_ in bins.items():
        one = FeatureDrift(
            feature=feature,
            psi=psi(bin_.counts, counts[feature]),
            p=p_values[feature],
            moved_band=0.0,
            moved_segment=0.0,
            moved_list=0.0,
        )
        one = _with_categories(one, day, served, bin_, counts[feature], rows)
        found.append(scorer.damaged(one, position[feature], bin_, least) if drifted[feature] else one)
    return tuple(sorted(found, key=lambda one: (-_damage(one), -one.psi, one.feature)))


def _damage(one: FeatureDrift) -> float:
    return max(one.moved_band, one.moved_segment, one.moved_list)


class _Rescorer:
    """Scores the sample with one feature as it was learned."""

    def __init__(self, day: SampledDay, name: str, rows: Rows, matrix: Floats) -> None:
        self._day, self._name, self._rows, self._matrix = day, name, rows, matrix
        self._served = day.live[name]
        self._scored = self._served.scorer.score(matrix)
        self._on_list = _listed(self._scored.probability)

    def damaged(self, one: FeatureDrift, position: int, bins: Bins, least: float) -> FeatureDrift:
        """The drift with what it does; values are drawn by a seed of the feature's place."""
        column = self._matrix[:, position]
        mapped = mapped_back(column, bins, seed=position)
        changed = np.flatnonzero(~((column == mapped) | (np.isnan(column) & np.isnan(mapped))))
        if not len(changed):
            return one
        matrix = self._matrix[changed]
        matrix[:, position] = mapped[changed]
        scored = self._served.scorer.score(matrix)
        probability = self._scored.probability.copy()
        probability[changed] = scored.probability
        damage = replace(
            one,
            moved_band=float((scored.rung != self._scored.rung[changed]).sum()) / len(self._rows),
            moved_segment=self._moved_segment(one.feature, changed, matrix, scored),
            moved_list=1 - float((_listed(probability) & self._on_list).sum()) / float(self._on_list.sum()),
            value_at_risk=self._value_at_risk(probability),
        )
        return replace(damage, alert=_damage(damage) >= least)

    def _moved_segment(self, feature: str, changed: Rows, matrix: Floats, scored: Scored) -> float:
        """The share of the customers whose segment is another, by the rules alone; of many moved ones by a part."""
        policy = self._day.policy
        if policy is None or not any(
            column == feature or column.startswith(f"{self._name}.") for column in policy.columns
        ):
            return 0.0
        part = np.random.default_rng(0).permutation(len(changed))[:PLACED]
        rows = self._rows[changed[part]]
        before = self._day.segments(rows)
        fields = _fields(self._served, scored, part) | {
            feature: feature_values(self._served.scorer.encoder, feature, matrix[part])
        }
        after = self._day.segments(rows, {self._name: fields})
        moved = sum(one != other for one, other in zip(before, after, strict=True)) / len(part)
        return moved * len(changed) / len(self._rows)

    def _value_at_risk(self, probability: Floats) -> float | None:
        """What is lost if the drift is an error: by those wrongly on the planner's list, and wrongly off it."""
        plan = self._served.release.bundle.manifest.bands.plan
        if plan is None or not {"cost", "value"} <= plan.asked.keys():
            return None
        worth = probability * plan.asked.get("save_rate", 1.0) * plan.asked["value"] - plan.asked["cost"]
        was, would = (one >= plan.cut.threshold for one in (self._scored.probability, probability))
        lost = float(worth[would & ~was].sum() - worth[was & ~would].sum())
        return lost * self._day.day.manifest.customers / len(self._day.table)


def _listed(probability: Floats) -> NDArray[np.bool_]:
    """Who is on a list of the highest at capacity."""
    order = np.argsort(-probability, kind="stable")
    listed = np.zeros(len(probability), np.bool_)
    listed[order[: max(1, round(CAPACITY * len(probability)))]] = True
    return listed


def _fields(served: Live, scored: Scored, part: Rows) -> dict[str, list[Any]]:
    """What rules read of scores."""
    codes = served.release.bundle.ladder.codes
    rungs = scored.rung[part].tolist()
    return {
        "probability": scored.probability[part].tolist(),
        "score": scored.score[part].tolist(),
        "percentile": scored.percentile[part].tolist(),
        "band": [codes[rung] for rung in rungs],
        "lowest_band": [rung == 0 for rung in rungs],
        "highest_band": [rung == len(codes) - 1 for rung in rungs],
    }


def _with_categories(
    one: FeatureDrift, day: SampledDay, served: Live, bins: Bins, today: NDArray[np.int64], rows: Rows
) -> FeatureDrift:
    """With the levels of a category that are new, and those that nobody has any more."""
    if bins.edges is not None:
        return one
    levels = served.scorer.encoder.levels[one.feature]
    often = bins.counts / bins.counts.sum() >= MET_OFTEN
    lost = tuple(level for level, was, now in zip(levels, often, today, strict=True) if was and not now)
    new = tuple(_new(day, one.feature, levels.index(OTHER), served, rows))
    return replace(one, new_categories=new, lost_categories=lost)


def _new(day: SampledDay, feature: str, other: int, served: Live, rows: Rows) -> Iterator[str]:
    """Texts without a level of their own that many customers have."""
    bundle = served.release.bundle
    position = [one.name for one in bundle.features].index(feature)
    among = rows[day.matrix(bundle.name)[rows, position] == other]
    for met in pc.value_counts(day.table.column(feature).take(among)).to_pylist():
        if met["counts"] >= MET_OFTEN * len(rows) and met["values"] is not None:
            yield str(met["values"])
