"""The last segment report as a page shows each segment: sizes, outcomes, reasons and scores of its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoring.answers.served_release import Live
from scoring.bundle.families import OTHER_FACTORS
from scoring.reasons.sentences import described
from scoring.segments.policy import Policy
from scoring.text.formatting import catalogue
from serving.console.charts.svg import Bar
from serving.console.web.i18n import Texts
from serving.customers.segment_report import Became, Realised, Weight, last_report


@dataclass(frozen=True, slots=True)
class Why:
    """A feature that weighs inside a segment: the share of members it matters to, its mean contribution there."""

    label: str
    share: float
    contribution: float
    favourable: bool


@dataclass(frozen=True, slots=True)
class Within:
    """One use case inside a segment."""

    predicted: float | None  # mean probability on the first date
    reasons: Sequence[Why]
    bars: Sequence[Bar]  # the members' scores on the second date
    longest: float  # contribution, by which bars of reasons are drawn


@dataclass(frozen=True, slots=True)
class Inside:
    """One segment; `realised` is None where no outcome is known of anyone in it."""

    code: str
    before: int
    after: int
    realised: Realised | None
    within: Mapping[str, Within]


@dataclass(frozen=True, slots=True)
class SegmentChanges:
    """The report as a page shows it."""

    before: str  # dates
    after: str
    outcome: str | None  # the name of what was realised
    of_this_policy: bool
    segments: Mapping[str, Inside]

    @property
    def highest(self) -> float:
        """The largest share to draw."""
        return max((one.realised.high for one in self.segments.values() if one.realised), default=1.0)


def report_of(home: Path, policy: Policy, served: Mapping[str, Live], texts: Texts) -> SegmentChanges | None:
    """The report written last; None where there is none, or the file is not one of ours."""
    report = last_report(home)
    if report is None:
        return None
    segments = {one.code: _inside(one, served, texts) for one in report.segments}
    return SegmentChanges(report.before.as_of, report.after.as_of, report.outcome, report.of(policy), segments)


def _inside(became: Became, served: Mapping[str, Live], texts: Texts) -> Inside:
    within = {
        name: _within(live, predicted, became.reasons.get(name, []), became.scores.get(name, []), texts)
        for name, predicted in became.predicted.items()
        if (live := served.get(name))
    }
    realised = became.realised if became.realised and became.realised.known else None
    return Inside(became.code, became.before, became.after, realised, within)


def _within(
    live: Live, predicted: float | None, weights: Sequence[Weight], counts: Sequence[int], texts: Texts
) -> Within:
    manifest = live.release.bundle.manifest
    features = {feature.name: feature for feature in manifest.features}
    positive = live.release.bundle.polarity == "positive"
    phrases = {OTHER_FACTORS: catalogue()["texts"][texts.language][OTHER_FACTORS]}
    whys = [
        Why(
            texts.kept_together(
                described(features[one.feature], texts.language, manifest.labels_of(one.feature, texts.language))
                if one.feature in features
                else phrases.get(one.feature, one.feature)
            ),
            one.share,
            one.contribution,
            (one.contribution >= 0) == positive,
        )
        for one in weights
    ]
    total, highest = sum(counts), max(counts, default=0) or 1
    bars = [
        Bar(step / len(counts), (step + 1) / len(counts), count / total, count / highest)
        for step, count in enumerate(counts if total else [])
    ]
    return Within(predicted, whys, bars, max((abs(why.contribution) for why in whys), default=0.0) or 1.0)
