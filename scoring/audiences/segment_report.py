"""What became of segments between two snapshots: sizes, flows, realised outcomes, reasons."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.membership import SegmentFlow
from scoring.audiences.realised_outcomes import RealisedOutcomes, RealisedRate, realised_rate
from scoring.audiences.snapshot import SegmentSnapshot, SnapshotRecord, SnapshotSegment
from scoring.audiences.stands import Place, places_of
from scoring.segments.policy import LEVELS
from scoring.segments.repeated import Repeated, paired

Floats = NDArray[np.float64]
STEPS = 10  # of a distribution of scores


class WeightedFeature(TypedDict):
    """A feature among members' reasons: for which share of them, and its mean contribution there (log-odds)."""

    feature: str
    share: float
    contribution: float


class SegmentChange(SnapshotSegment):
    """One segment: sizes on both dates; by use case the mean probability predicted on the first, reasons and scores."""

    before: int
    after: int
    predicted: dict[str, float | None]
    reasons: dict[str, list[WeightedFeature]]
    scores: dict[str, list[int]]  # members of the second date by tenth of the probability
    realised: NotRequired[RealisedRate]


class LevelFlow(SegmentFlow):
    """The same within a level."""

    level: int


class DatedSnapshot(TypedDict):
    """One of the two snapshots."""

    as_of: str
    policy: str
    models: dict[str, str]
    customers: int


class ReportDocument(TypedDict):
    """The whole report."""

    before: DatedSnapshot
    after: DatedSnapshot
    segments: list[SegmentChange]
    flows: list[LevelFlow]
    moved: int
    arrived: int
    gone: int


def segment_report(
    before: SegmentSnapshot, after: SegmentSnapshot, outcomes: RealisedOutcomes | None = None
) -> ReportDocument:
    """Sizes on both dates, flows of those in both, what those in each segment on the first date did, why, and scores.

    A customer whose outcome is not known counts in no rate.
    """
    return report_by_part([(before, after)], outcomes)


def report_by_part(
    parts: Iterable[tuple[SegmentSnapshot, SegmentSnapshot]], outcomes: RealisedOutcomes | None = None
) -> ReportDocument:
    """The same of snapshots that come in parts, a customer's of both dates in one; there is at least one part."""
    tally = _Tally()
    for before, after in parts:
        tally.add(before, after, outcomes)
    return tally.document(realised=outcomes is not None)


@dataclass(slots=True)
class _Amounts:
    """What the contributions of one feature to members of one segment add up to."""

    count: int = 0
    total: float = 0.0
    absolute: float = 0.0

    def add(self, amounts: Floats) -> None:
        """Adds them one after another, so that the sum does not depend on how a library adds."""
        self.count += len(amounts)
        self.total += float(np.cumsum(amounts)[-1])
        self.absolute += float(np.cumsum(np.abs(amounts))[-1])


class _Tally:
    """What a report counts; by segment's code, and where a use case counts by both."""

    def __init__(self) -> None:
        self.labels: dict[str, SnapshotSegment] = {}
        self.sizes: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self.customers = [0, 0]
        self.predicted: dict[tuple[str, str], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        self.steps: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * STEPS)
        self.reasons: dict[tuple[str, str], dict[str, _Amounts]] = defaultdict(lambda: defaultdict(_Amounts))
        self.flows: Counter[tuple[int, str | None, str | None]] = Counter()
        self.outcomes: dict[str, list[int]] = defaultdict(lambda: [0, 0])  # known, and hits
        self.moved = self.both = 0
        self.facts: tuple[SnapshotRecord, SnapshotRecord] | None = None

    def add(self, before: SegmentSnapshot, after: SegmentSnapshot, outcomes: RealisedOutcomes | None) -> None:
        """Counts a part."""
        self.facts = (before.facts, after.facts)
        self.labels |= {one["code"]: one for one in (*before.facts["segments"], *after.facts["segments"])}
        places = [places_of(snapshot.rows) for snapshot in (before, after)]
        for at, own in enumerate(places):
            self.customers[at] += len(own)
            for (path, also), customers in own.counts():
                self.sizes[at].update(dict.fromkeys((*path, *also), customers))
        self._add_flows(before, after, *places)
        self._add_predicted(before, places[0])
        self._add_scores(after, places[1])
        self._add_reasons(after, places[1])
        if outcomes:
            self._add_outcomes(before, places[0], outcomes)

    def document(self, *, realised: bool) -> ReportDocument:
        """All that was counted."""
        assert self.facts  # noqa: S101 there is a part
        first, second = self.facts
        segments: list[SegmentChange] = [
            {
                "code": code,
                "exclusive": one["exclusive"],
                "labels": one["labels"],
                "level": one["level"],
                "before": self.sizes[0][code],
                "after": self.sizes[1][code],
                "predicted": {name: self._mean(code, name) for name in first["models"]},
                "reasons": self._top(code, second["models"]),
                "scores": {name: list(self.steps[code, name]) for name in second["models"]},
            }
            for code, one in self.labels.items()
        ]
        if realised:
            for segment in segments:
                segment["realised"] = realised_rate(*self.outcomes[segment["code"]])
        return {
            "before": _dated(first, self.customers[0]),
            "after": _dated(second, self.customers[1]),
            "segments": segments,
            "flows": _sorted_flows(self.flows),
            "moved": self.moved,
            "arrived": self.customers[1] - self.both,
            "gone": self.customers[0] - self.both,
        }

    def _add_flows(
        self, before: SegmentSnapshot, after: SegmentSnapshot, old: Repeated[Place], new: Repeated[Place]
    ) -> None:
        """How many went from each segment of a level to each other or stayed; null where in none of that level."""
        levels = {code: one["level"] for code, one in self.labels.items()}
        known = before.rows.column(CUSTOMER_ID).combine_chunks()
        at = np.asarray(pc.index_in(after.rows.column(CUSTOMER_ID), value_set=known).fill_null(-1), np.intp)
        both = np.flatnonzero(at >= 0)
        pairs = paired(Repeated(old.values, old.which[at[both]]), Repeated(new.values, new.which[both]))
        for (stood, stands), count in pairs.counts():
            self.both += count
            self.moved += count if _deepest(stood) != _deepest(stands) else 0
            was, now = ({levels[code]: code for code in path} for path, _ in (stood, stands))
            for level in LEVELS:
                self.flows[level, was.get(level), now.get(level)] += count

    def _add_predicted(self, snapshot: SegmentSnapshot, places: Repeated[Place]) -> None:
        for name, code, values in _probabilities(snapshot, places):
            count, total = self.predicted[code, name]
            self.predicted[code, name] = (count + len(values), total + math.fsum(values.tolist()))

    def _add_scores(self, snapshot: SegmentSnapshot, places: Repeated[Place]) -> None:
        for name, code, values in _probabilities(snapshot, places):
            steps = np.minimum((values * STEPS).astype(np.int64), STEPS - 1)
            found = np.bincount(steps, minlength=STEPS).tolist()
            self.steps[code, name] = [known + more for known, more in zip(self.steps[code, name], found, strict=True)]

    def _add_reasons(self, snapshot: SegmentSnapshot, places: Repeated[Place]) -> None:
        for name in snapshot.facts["models"]:
            for code, feature, amounts in _amounts(snapshot, name, places):
                self.reasons[code, name][feature].add(amounts)

    def _add_outcomes(self, snapshot: SegmentSnapshot, places: Repeated[Place], outcomes: RealisedOutcomes) -> None:
        customers = snapshot.rows.column(CUSTOMER_ID)
        for code, rows in _members(places):
            known = outcomes.of(customers.filter(pa.array(rows)).to_pylist())
            self.outcomes[code][0] += len(known)
            self.outcomes[code][1] += sum(known)

    def _mean(self, code: str, name: str) -> float | None:
        """The mean probability of the members who have one."""
        count, total = self.predicted[code, name]
        return total / count if count else None

    def _top(self, code: str, models: Iterable[str], count: int = 3) -> dict[str, list[WeightedFeature]]:
        """By use case, the features that weigh most among the members' reasons.

        `share` is of the members for whom the feature is among the reasons kept; `contribution` is its mean over
        them, in calibrated log-odds.
        """
        found: dict[str, list[WeightedFeature]] = {}
        for name in models:
            if own := self.reasons.get((code, name)):
                ranked = sorted(own.items(), key=lambda entry: -entry[1].absolute)[:count]
                size = self.sizes[1][code]
                found[name] = [
                    {"feature": feature, "share": sums.count / size, "contribution": sums.total / sums.count}
                    for feature, sums in ranked
                ]
        return found


def _deepest(stand: Place) -> str | None:
    return stand[0][-1] if stand[0] else None


def _members(places: Repeated[Place]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each segment that anybody is in, and whether each row's customer is."""
    codes = dict.fromkeys(code for path, also in places.values for code in (*path, *also))
    for code in codes:
        inside = np.array([code in path or code in also for path, also in places.values], np.bool_)
        yield code, inside[places.which]


def _probabilities(snapshot: SegmentSnapshot, places: Repeated[Place]) -> Iterator[tuple[str, str, Floats]]:
    """By use case and segment, the probabilities of the members who have one."""
    for name in snapshot.facts["models"]:
        values = _floats(snapshot, f"{name}_probability")
        for code, rows in _members(places):
            if len(found := values[rows & ~np.isnan(values)]):
                yield name, code, found


def _amounts(snapshot: SegmentSnapshot, name: str, places: Repeated[Place]) -> Iterator[tuple[str, str, Floats]]:
    """By segment and feature, what the reasons kept of its members hold: rank by rank, in the order of the rows."""
    ranks = [rank for rank in range(1, 10) if f"{name}_reason_{rank}_feature" in snapshot.rows.column_names]
    if not ranks:
        return
    named = [snapshot.rows.column(f"{name}_reason_{rank}_feature").cast(pa.string()) for rank in ranks]
    coded = pa.concat_arrays([chunk for column in named for chunk in column.chunks]).dictionary_encode()
    features, which = coded.dictionary.to_pylist(), np.asarray(coded.indices.fill_null(-1), np.int64)
    amounts = np.concatenate([_floats(snapshot, f"{name}_reason_{rank}_contribution") for rank in ranks])
    for code, rows in _members(places):
        inside = np.tile(rows, len(ranks)) & (which >= 0)
        if not inside.any():
            continue
        order = np.argsort(which[inside], kind="stable")
        sorted_which, sorted_amounts = which[inside][order], amounts[inside][order]
        starts = np.flatnonzero(np.diff(sorted_which, prepend=-1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
            yield code, features[sorted_which[start]], sorted_amounts[start:end]


def _floats(snapshot: SegmentSnapshot, name: str) -> Floats:
    """A column of numbers, NaN where there is none."""
    return np.asarray(snapshot.rows.column(name).cast(pa.float64()).fill_null(np.nan), np.float64)


def _sorted_flows(counts: Counter[tuple[int, str | None, str | None]]) -> list[LevelFlow]:
    return [
        {"level": level, "from": first, "to": second, "customers": count}
        for (level, first, second), count in sorted(counts.items(), key=lambda flow: (flow[0][0], -flow[1], str(flow)))
        if first or second
    ]


def _dated(facts: SnapshotRecord, customers: int) -> DatedSnapshot:
    return {
        "as_of": facts["as_of"],
        "policy": facts["policy"],
        "models": dict(facts["models"]),
        "customers": customers,
    }
