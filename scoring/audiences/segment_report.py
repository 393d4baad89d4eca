"""What became of segments between two snapshots: sizes, flows, realised outcomes, reasons."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.membership import SegmentFlow
from scoring.audiences.realised_outcomes import RealisedOutcomes, RealisedRate, realised_rate
from scoring.audiences.snapshot import SegmentSnapshot, SnapshotRecord, SnapshotSegment
from scoring.segments.policy import LEVELS

Stands = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]  # path and overlapping segments by customer
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

    def add(self, amounts: Sequence[float]) -> None:
        self.count += len(amounts)
        self.total += sum(amounts)
        self.absolute += sum(map(abs, amounts))


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
        paths = [_paths(snapshot) for snapshot in (before, after)]
        for at, own in enumerate(paths):
            self.customers[at] += len(own)
            for path, also in own.values():
                self.sizes[at].update(path)
                self.sizes[at].update(also)
        self._add_flows(*paths)
        self._add_predicted(before)
        self._add_scores(after)
        self._add_reasons(after)
        if outcomes:
            self._add_outcomes(paths[0], outcomes)

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

    def _add_flows(self, old: Stands, new: Stands) -> None:
        """How many went from each segment of a level to each other or stayed; null where in none of that level."""
        levels = {code: one["level"] for code, one in self.labels.items()}
        pairs: Counter[tuple[tuple[str, ...], tuple[str, ...]]] = Counter()
        for one, (path, also) in new.items():
            if (stood := old.get(one)) is not None:
                pairs[stood[0], path] += 1
                self.moved += _deepest(stood) != _deepest((path, also))
        self.both += pairs.total()
        for (first, second), count in pairs.items():
            was, now = ({levels[code]: code for code in path} for path in (first, second))
            for level in LEVELS:
                self.flows[level, was.get(level), now.get(level)] += count

    def _add_predicted(self, snapshot: SegmentSnapshot) -> None:
        for name, code, values in _probabilities(snapshot):
            count, total = self.predicted[code, name]
            self.predicted[code, name] = (count + len(values), total + math.fsum(values))

    def _add_scores(self, snapshot: SegmentSnapshot) -> None:
        for name, code, values in _probabilities(snapshot):
            counts = self.steps[code, name]
            for value in values:
                counts[min(int(value * STEPS), STEPS - 1)] += 1

    def _add_reasons(self, snapshot: SegmentSnapshot) -> None:
        groups = _groups(snapshot)
        for name in snapshot.facts["models"]:
            for (code, feature), amounts in _amounts(snapshot, name, groups).items():
                self.reasons[code, name][feature].add(amounts)

    def _add_outcomes(self, stands: Stands, outcomes: RealisedOutcomes) -> None:
        members: dict[str, list[str]] = defaultdict(list)
        for one, (path, also) in stands.items():
            for code in (*path, *also):
                members[code].append(one)
        for code, customers in members.items():
            known = outcomes.of(customers)
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


def _paths(snapshot: SegmentSnapshot) -> Stands:
    """Each customer's path, and the overlapping segments beside it."""
    columns = (snapshot.column(name) for name in (CUSTOMER_ID, "path", "also"))
    return {one: (tuple(path), tuple(also)) for one, path, also in zip(*columns, strict=True)}


def _deepest(stand: tuple[tuple[str, ...], tuple[str, ...]]) -> str | None:
    return stand[0][-1] if stand[0] else None


def _groups(snapshot: SegmentSnapshot) -> list[tuple[str, ...]]:
    """Each row's segments."""
    return [
        tuple(dict.fromkeys((*path, *also)))
        for path, also in zip(snapshot.column("path"), snapshot.column("also"), strict=True)
    ]


def _probabilities(snapshot: SegmentSnapshot) -> Iterator[tuple[str, str, list[float]]]:
    """By use case and segment, the probabilities of the members who have one."""
    groups = _groups(snapshot)
    for name in snapshot.facts["models"]:
        found: dict[str, list[float]] = defaultdict(list)
        for group, value in zip(groups, snapshot.column(f"{name}_probability"), strict=True):
            if value is not None:
                for code in group:
                    found[code].append(value)
        yield from ((name, code, values) for code, values in found.items())


def _amounts(
    snapshot: SegmentSnapshot, name: str, groups: Sequence[tuple[str, ...]]
) -> dict[tuple[str, str], list[float]]:
    """By segment and feature, what the reasons kept of its members hold."""
    gathered: dict[tuple[str, str], list[float]] = defaultdict(list)
    rank = 1
    while f"{name}_reason_{rank}_feature" in snapshot.rows.column_names:
        features = snapshot.column(f"{name}_reason_{rank}_feature")
        amounts = snapshot.column(f"{name}_reason_{rank}_contribution")
        for group, feature, amount in zip(groups, features, amounts, strict=True):
            if feature is not None:
                for code in group:
                    gathered[code, feature].append(amount)
        rank += 1
    return gathered


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
