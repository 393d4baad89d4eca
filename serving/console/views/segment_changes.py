"""What the last segment report says of each segment: sizes, outcomes, reasons and scores of its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoring.answers.served_release import Live
from scoring.reasons.reasons import OTHER_FACTORS, described
from scoring.segments.policy import Policy
from scoring.text.formatting import catalogue
from serving.console.charts.svg import Bar
from serving.console.web.i18n import Words
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


def report_of(home: Path, policy: Policy, served: Mapping[str, Live], say: Words) -> SegmentChanges | None:
    """The report written last; None where there is none, or the file is not one of ours."""
    told = last_report(home)
    if told is None:
        return None
    segments = {one.code: _inside(one, served, say) for one in told.segments}
    return SegmentChanges(told.before.as_of, told.after.as_of, told.outcome, told.of(policy), segments)


def _inside(told: Became, served: Mapping[str, Live], say: Words) -> Inside:
    within = {
        name: _within(live, predicted, told.reasons.get(name, []), told.scores.get(name, []), say)
        for name, predicted in told.predicted.items()
        if (live := served.get(name))
    }
    realised = told.realised if told.realised and told.realised.known else None
    return Inside(told.code, told.before, told.after, realised, within)


def _within(
    live: Live, predicted: float | None, weights: Sequence[Weight], counts: Sequence[int], say: Words
) -> Within:
    features = {feature.name: feature for feature in live.release.bundle.features}
    positive = live.release.bundle.polarity == "positive"
    texts = {OTHER_FACTORS: catalogue()["texts"][say.language][OTHER_FACTORS]}
    whys = [
        Why(
            say.kept_together(
                described(features[one.feature], say.language)
                if one.feature in features
                else texts.get(one.feature, one.feature)
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
