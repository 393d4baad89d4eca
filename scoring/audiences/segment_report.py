"""What became of segments between two snapshots: sizes, flows, realised outcomes, reasons."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.membership import Membership, SegmentFlow
from scoring.audiences.snapshot import AudienceError, SegmentSnapshot, SnapshotSegment
from scoring.segments.policy import LEVELS
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import read_batches

STEPS = 10  # of a distribution of scores
_Z = 1.959963984540054  # two-sided 95%
_OUTCOMES = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1, "": None}  # as CSV holds them


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95% score interval of a rate (Wilson, 1927); all of 0..1 where nothing was tried.

    >>> tuple(round(bound, 4) for bound in wilson(5, 10))
    (0.2366, 0.7634)
    """
    if not trials:
        return 0.0, 1.0
    rate, slack = hits / trials, _Z * _Z / trials
    centre = (rate + slack / 2) / (1 + slack)
    reach = _Z / (1 + slack) * math.sqrt(rate * (1 - rate) / trials + slack / (4 * trials))
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


class WeightedFeature(TypedDict):
    """A feature among members' reasons: for which share of them, and its mean contribution there (log-odds)."""

    feature: str
    share: float
    contribution: float


class RealisedRate(TypedDict):
    """What members did, of those of whom it is known; `rate` with its 95% interval."""

    known: int
    hits: int
    rate: float | None
    low: float
    high: float


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


@dataclass(frozen=True, slots=True)
class RealisedOutcomes:
    """What customers did after the first date."""

    known: Mapping[str, bool]  # by customer id
    complete: bool = False  # whoever is not named did not

    def of(self, customers: Iterable[str]) -> list[bool]:
        """The outcomes that are known."""
        return [self.known.get(one, False) for one in customers if self.complete or one in self.known]


def read_outcomes(path: Path, column: str) -> RealisedOutcomes:
    """Outcomes by customer; a file of ids alone names all who had the outcome.

    Raises:
        AudienceError: It lacks a column, or holds an outcome other than 0 and 1.
        BatchError: It cannot be read.
    """
    found: dict[str, bool] = {}
    complete = False
    for table in read_batches(path):
        if CUSTOMER_ID not in table.column_names:
            raise AudienceError(f"{path.name} must hold customer_id, got no such column.")
        complete = table.column_names == [CUSTOMER_ID]
        if not complete and column not in table.column_names:
            raise AudienceError(f"{path.name} must hold {column} beside customer_id, or customer_id alone.")
        values = [1] * len(table) if complete else table.column(column).to_pylist()
        values = [_OUTCOMES.get(value.strip().casefold(), value) if type(value) is str else value for value in values]
        if any(value not in (0, 1, None) for value in values):
            raise AudienceError(f"{column} of {path.name} must be 0, 1 or null, got something else.")
        ids = id_column(table.column(CUSTOMER_ID)).to_pylist()
        known = {one: bool(value) for one, value in zip(ids, values, strict=True) if None not in (one, value)}
        found |= known
    return RealisedOutcomes(found, complete)


def segment_report(
    before: SegmentSnapshot, after: SegmentSnapshot, outcomes: RealisedOutcomes | None = None
) -> ReportDocument:
    """Sizes on both dates, flows of those in both, what those in each segment on the first date did, why, and scores.

    A customer whose outcome is not known counts in no rate.
    """
    old, new = before.memberships(), after.memberships()
    both = old.keys() & new.keys()
    labels = {one["code"]: one for one in (*before.facts["segments"], *after.facts["segments"])}
    reasons = top_features(after)
    sizes = [Counter(code for stand in stands.values() for code in stand.entered) for stands in (old, new)]
    segments: list[SegmentChange] = [
        {
            "code": code,
            "exclusive": one["exclusive"],
            "labels": one["labels"],
            "level": one["level"],
            "before": sizes[0][code],
            "after": sizes[1][code],
            "predicted": _predicted(before, code),
            "reasons": reasons.get(code, {}),
            "scores": _distribution(after, code),
        }
        for code, one in labels.items()
    ]
    if outcomes:
        for segment in segments:
            segment["realised"] = _realised(old, segment["code"], outcomes)
    return {
        "before": _dated(before, len(old)),
        "after": _dated(after, len(new)),
        "segments": segments,
        "flows": _flows(before, after),
        "moved": sum(old[one].segment != new[one].segment for one in both),
        "arrived": len(new.keys() - old.keys()),
        "gone": len(old.keys() - new.keys()),
    }


def _flows(before: SegmentSnapshot, after: SegmentSnapshot) -> list[LevelFlow]:
    """How many went from each segment of a level to each other or stayed; null where they are in none of that level."""
    levels = {one["code"]: one["level"] for one in (*before.facts["segments"], *after.facts["segments"])}
    paths = [
        {
            customer: {levels[code]: code for code in path}
            for customer, path in zip(snapshot.column(CUSTOMER_ID), snapshot.column("path"), strict=True)
        }
        for snapshot in (before, after)
    ]
    counts = Counter(
        (level, paths[0][one].get(level), paths[1][one].get(level))
        for one in paths[0].keys() & paths[1].keys()
        for level in LEVELS
    )
    return [
        {"level": level, "from": first, "to": second, "customers": count}
        for (level, first, second), count in sorted(counts.items(), key=lambda flow: (flow[0][0], -flow[1], str(flow)))
        if first or second
    ]


def top_features(snapshot: SegmentSnapshot, count: int = 3) -> dict[str, dict[str, list[WeightedFeature]]]:
    """By segment and use case, the features that weigh most among its members' reasons.

    `share` is of the members for whom the feature is among the reasons kept; `contribution` is its mean over them, in
    calibrated log-odds.
    """
    groups = [{*path, *also} for path, also in zip(snapshot.column("path"), snapshot.column("also"), strict=True)]
    found: dict[str, dict[str, list[WeightedFeature]]] = defaultdict(dict)
    for name in snapshot.facts["models"]:
        amounts = _amounts(snapshot, name, groups)
        for code, features in amounts.items():
            size = sum(code in group for group in groups)
            ranked = sorted(features.items(), key=lambda entry: -sum(abs(amount) for amount in entry[1]))[:count]
            found[code][name] = [
                {"feature": feature, "share": len(given) / size, "contribution": sum(given) / len(given)}
                for feature, given in ranked
            ]
    return found


def _amounts(snapshot: SegmentSnapshot, name: str, groups: list[set[str]]) -> dict[str, dict[str, list[float]]]:
    gathered: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    rank = 1
    while f"{name}_reason_{rank}_feature" in snapshot.rows.column_names:
        features = snapshot.column(f"{name}_reason_{rank}_feature")
        amounts = snapshot.column(f"{name}_reason_{rank}_contribution")
        for group, feature, amount in zip(groups, features, amounts, strict=True):
            if feature is not None:
                for code in group:
                    gathered[code][feature].append(amount)
        rank += 1
    return gathered


def _predicted(snapshot: SegmentSnapshot, code: str) -> dict[str, float | None]:
    """By use case, the mean probability of the members who have one."""
    inside = _inside(snapshot, code)
    means: dict[str, float | None] = {}
    for name in snapshot.facts["models"]:
        values = [
            p
            for p, holds in zip(snapshot.column(f"{name}_probability"), inside, strict=True)
            if holds and p is not None
        ]
        means[name] = math.fsum(values) / len(values) if values else None
    return means


def _distribution(snapshot: SegmentSnapshot, code: str) -> dict[str, list[int]]:
    """By use case, how many members have a probability within each tenth of 0..1."""
    inside = _inside(snapshot, code)
    counts = {name: [0] * STEPS for name in snapshot.facts["models"]}
    for name, steps in counts.items():
        for probability, holds in zip(snapshot.column(f"{name}_probability"), inside, strict=True):
            if holds and probability is not None:
                steps[min(int(probability * STEPS), STEPS - 1)] += 1
    return counts


def _inside(snapshot: SegmentSnapshot, code: str) -> list[bool]:
    paths, also = snapshot.column("path"), snapshot.column("also")
    return [code in path or code in more for path, more in zip(paths, also, strict=True)]


def _realised(stands: Mapping[str, Membership], code: str, outcomes: RealisedOutcomes) -> RealisedRate:
    known = outcomes.of(one for one, stand in stands.items() if code in stand.entered)
    low, high = wilson(sum(known), len(known))
    rate = sum(known) / len(known) if known else None
    return {"known": len(known), "hits": sum(known), "rate": rate, "low": low, "high": high}


def _dated(snapshot: SegmentSnapshot, customers: int) -> DatedSnapshot:
    return {
        "as_of": snapshot.facts["as_of"],
        "policy": snapshot.facts["policy"],
        "models": dict(snapshot.facts["models"]),
        "customers": customers,
    }
