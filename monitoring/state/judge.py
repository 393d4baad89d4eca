"""Whether the scores of a use case are fine, to be watched, or not to be trusted: the gravest of its reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scoring.health.health_file import (
    DataQuality,
    FeatureDrift,
    HealthReason,
    HealthState,
    ModelAge,
    SourceFreshness,
    Value,
)
from scoring.health.matured_windows import Bounds, EstimatedQuality, MaturedWindow

GRAVITY: tuple[HealthState, ...] = ("fine", "watch", "distrust")


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is said."""

    age_days: int = 90  # of a model
    stale_days: int = 2  # of a source, beyond which its rows are missed
    rejected_share: float = 0.05  # of a source's rows
    behind_share: float = 0.01  # of the RFM logit's log-loss, by which the model is certainly behind it
    rate_off: float = 0.2  # how far the mean probability may be from the realised rate, as a share of that
    rate_far_off: float = 0.5
    moved: float = 0.05  # share of the customers or of the list that the drift of a feature moves


@dataclass(frozen=True, slots=True)
class Observed:
    """All that is known of a use case on a day."""

    learned_auc: Bounds | None  # 95% interval on the test rows
    windows: Sequence[MaturedWindow]  # of the version in service, the earliest first
    estimate: EstimatedQuality | None
    drift: Sequence[FeatureDrift]
    quality: DataQuality | None
    sources: Sequence[SourceFreshness]
    age: ModelAge | None
    next_known: str | None


def judge(observed: Observed, limits: Limits) -> tuple[HealthState, tuple[HealthReason, ...]]:
    """The state, and its reasons with the gravest first."""
    found = [*_realised(observed, limits), *_expected(observed), *_came_in(observed, limits)]
    ranked = sorted(found, key=lambda reason: -GRAVITY.index(reason.state))
    return ranked[0].state, tuple(ranked)


def _realised(observed: Observed, limits: Limits) -> Iterator[HealthReason]:
    """What the last matured day says; there is always something."""
    if not observed.windows:
        yield _reason("fine", "no_outcome", next_known=observed.next_known)
        return
    last = observed.windows[-1]
    measured, day = last.measured, last.as_of[:10]
    if measured.too_few:
        yield _reason("fine", "too_few", day=day, rows=measured.rows, positives=measured.positives)
        return
    grave = list(_realised_badly(last, observed.learned_auc, limits))
    yield from grave
    if not grave:
        low, high = measured.intervals.get("roc_auc", (None, None))
        yield _reason("fine", "as_learned", day=day, roc_auc=measured.roc_auc, low=low, high=high)


def _realised_badly(last: MaturedWindow, learned: Bounds | None, limits: Limits) -> Iterator[HealthReason]:
    day, baseline = last.as_of[:10], last.baseline
    if baseline and baseline.gain_interval[1] < 0:
        low, high = baseline.gain_interval
        far: HealthState = "distrust" if -high > limits.behind_share * baseline.log_loss else "watch"
        yield _reason(far, "behind_rfm", day=day, gain=baseline.gain, low=low, high=high)
    found = last.measured.intervals.get("roc_auc")
    if learned and found and found[1] < learned[0]:
        auc = last.measured.roc_auc
        yield _reason("distrust", "auc_fell", day=day, roc_auc=auc, low=found[0], high=found[1], learned=learned[0])
    expected, auc = last.estimate, last.measured.roc_auc
    if expected and expected.low is not None and auc is not None and auc < expected.low:
        yield _reason("watch", "below_estimate", day=day, roc_auc=auc, expected=expected.roc_auc, least=expected.low)
    yield from _rates_off(last, limits)


def _rates_off(last: MaturedWindow, limits: Limits) -> Iterator[HealthReason]:
    """Whether the mean probability is certainly, and by a share that matters, beside the realised rate."""
    known = [band for band in last.bands if band.predicted is not None]
    rows = sum(band.rows for band in known)
    bounds = last.measured.intervals.get("rate")
    if not rows or not bounds or not last.measured.positives:
        return
    predicted = sum(band.rows * (band.predicted or 0.0) for band in known) / rows
    realised = last.measured.positives / last.measured.rows
    off = abs(predicted - realised) / realised
    if off >= limits.rate_off and not bounds[0] <= predicted <= bounds[1]:
        state: HealthState = "distrust" if off >= limits.rate_far_off else "watch"
        yield _reason(state, "rates_off", day=last.as_of[:10], predicted=predicted, realised=realised)


def _expected(observed: Observed) -> Iterator[HealthReason]:
    """What is feared of scores whose outcome is not known yet."""
    estimate, learned = observed.estimate, observed.learned_auc
    if estimate and estimate.proven and estimate.high is not None and learned and estimate.high < learned[0]:
        auc, low, high = estimate.roc_auc, estimate.low, estimate.high
        yield _reason("watch", "estimate_low", roc_auc=auc, low=low, high=high, learned=learned[0])
    alerting = [one for one in observed.drift if one.alert]
    if alerting:
        first = alerting[0]
        moved = max(first.moved_band, first.moved_segment, first.moved_list)
        money = first.value_at_risk
        yield _reason("watch", "drift", feature=first.feature, moved=moved, value=money, features=len(alerting))


def _came_in(observed: Observed, limits: Limits) -> Iterator[HealthReason]:
    """What is wrong with the data of the day, or with the age of what scores it."""
    age, quality = observed.age, observed.quality
    if age and age.days is not None and age.days > limits.age_days:
        yield _reason("watch", "old_model", days=age.days, limit=limits.age_days)
    for source in observed.sources:
        limit = max(limits.stale_days, source.usual)
        if source.days is not None and source.days > limit:
            yield _reason("watch", "stale_source", source=source.source, days=source.days, limit=limit)
    if quality and quality.rejected_share is not None and quality.rejected_share > limits.rejected_share:
        yield _reason("watch", "rejected_rows", share=quality.rejected_share, rows=quality.rejected_rows)


def _reason(state: HealthState, code: str, **values: Value) -> HealthReason:
    return HealthReason(code, values, state)
