"""The result of a campaign: its arms, its effect with the interval that its moment allows, and the next step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from activation.campaigns.earlier_scores import earlier_scores
from activation.campaigns.effect import (
    ArmMoments,
    Difference,
    difference,
    fixed_interval,
    rate_interval,
    rate_moments,
    relative_difference,
    sequence_interval,
)
from activation.campaigns.outcome_store import KnownOutcomes, Totals, settle_erased
from activation.campaigns.sample_ratio import REFUSED, sample_ratio
from scoring.audiences.campaign import Campaign
from scoring.audiences.campaign_result import (
    ArmResult,
    CampaignEffect,
    CampaignResult,
    CampaignStatus,
    Incremental,
    Interval,
    NextStep,
    Precision,
    SampleRatio,
    SegmentEffect,
)
from scoring.audiences.campaign_window import planned_look

LEVEL = 0.95
ARMS = ("treated", "held_out")
_LEAST = 2  # customers of an arm, for a variance
_LEAST_SEGMENT = 20  # customers of an arm within a segment
_LEAST_RATE = 0.01  # of answers, below which the score from before saves nothing worth its risk
_LEAST_COVERED = 0.95  # share of customers whose score from before is known
_POWER = 0.8
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cost:
    """What contacting a customer costs."""

    contact: float
    currency: str | None = None


def campaign_result(
    home: Path, campaign: Campaign, *, as_of: datetime, cost: Cost | None = None, level: float = LEVEL
) -> CampaignResult:
    """What a campaign brought, by intention to treat: everybody counts in the arm that was drawn, contacted or not.

    Args:
        home: Where it is kept.
        campaign: Which.
        as_of: The moment of the look, UTC; before the planned one only a sequence is shown.
        cost: Of a contact; without it there is no net value.
        level: Of each interval, in (0, 1).

    Raises:
        CampaignError: It is not as it was written.
        PopulationError: The day of its list is not what its run wrote.
        SuppressionError: The home's key or list cannot be read.
    """
    known = settle_erased(home, campaign)
    look = planned_look(campaign)
    if known is None:
        empty = {name: ArmResult(0, 0, None, arm.n) for name, arm in campaign.arms.items()}
        day = look.date() if look else None
        return CampaignResult(
            id=campaign.id, as_of=as_of, status="pending", next_step="wait", next_look=day, arms=empty
        )
    return _Look(campaign, known, earlier_scores(home, campaign), as_of, look, cost, level).result()


@dataclass(frozen=True)
class _Look:
    """One look at a campaign."""

    campaign: Campaign
    known: KnownOutcomes
    earlier: pl.DataFrame
    as_of: datetime
    look: datetime | None
    cost: Cost | None
    level: float

    def result(self) -> CampaignResult:
        ratio = self._ratio()
        effect = None if self._too_few() else self._effect()
        incremental = self._incremental(effect) if effect else None
        status = self._status(ratio, effect)
        return CampaignResult(
            id=self.campaign.id,
            as_of=self.as_of,
            status=status,
            next_step=_next_step(status, effect, incremental),
            next_look=self.look.date() if self.look and status in ("pending", "early") else None,
            known_to=self.known.record.known_to,
            arms={name: self.arm(name) for name in ARMS},
            effect=effect if status != "invalid" else None,
            incremental=incremental if status != "invalid" else None,
            srm=ratio,
            guardrail=self._guardrail() if status in ("early", "final") else None,
            segments=tuple(self._segments()) if status == "final" else (),
            precision=self._precision() if status == "final" else None,
            erased=sum(self.known.record.erased.values()),
        )

    def _status(self, ratio: SampleRatio, effect: CampaignEffect | None) -> CampaignStatus:
        if min(ratio.p, ratio.lost_p) < REFUSED:
            return "invalid"
        if effect is None:
            return "pending"
        return "final" if effect.planned else "early"

    @cached_property
    def planned(self) -> bool:
        """Whether the planned look has come, and outcomes are known up to it."""
        return self.look is not None and min(self.as_of, self.known.record.known_to) >= self.look

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Whose outcome is known, with what was known of them before."""
        return self.known.rows.join(self.earlier, on="who", how="left").with_columns(pl.col("value").fill_null(0.0))

    def totals(self, name: str) -> Totals:
        """Of the erased."""
        return self.known.record.folded.get(name, Totals())

    def arm(self, name: str) -> ArmResult:
        """The figures of an arm."""
        rows, folded = self.rows.filter(pl.col("arm") == name), self.totals(name)
        contacted, unsubscribed = (_count(rows, one) for one in ("contacted", "unsubscribed"))
        return ArmResult(
            n=self._n(name),
            answered=int(rows["answered"].sum()) + folded.answered,
            value=float(rows["value"].sum()) + folded.value if self.known.record.valued else None,
            drawn=self.campaign.arms[name].n,
            contacted=None if contacted is None else contacted + folded.contacted,
            unsubscribed=None if unsubscribed is None else unsubscribed + folded.unsubscribed,
        )

    def _n(self, name: str) -> int:
        """Customers of known outcome."""
        return int((self.rows["arm"] == name).sum()) + self.totals(name).n

    def _too_few(self) -> bool:
        return min(self._n(name) for name in ARMS) < _LEAST

    def _ratio(self) -> SampleRatio:
        known = {name: self._n(name) for name in ARMS}
        drawn = {name: self.campaign.arms[name].n for name in ARMS}
        return sample_ratio(known, drawn, self.campaign.holdout)

    def _effect(self) -> CampaignEffect:
        arms = {name: self.arm(name) for name in ARMS}
        treated, control = (rate_moments(arm.answered, arm.n) for arm in arms.values())
        plain = difference(treated, control)
        adjusted = self._adjusted(plain)
        rate = adjusted or plain
        fixed = fixed_interval(rate, self.level) if adjusted else _newcombe(arms, self.level)
        values = self._values()
        saved = 1 - (rate.standard_error / plain.standard_error) ** 2 if adjusted else None
        return CampaignEffect(
            rate=rate.estimate,
            interval=fixed if self.planned else self._sequence(rate),
            value=values.estimate if values else None,
            value_interval=self._interval(values) if values else None,
            relative=relative_difference(treated, control).estimate if arms["held_out"].answered else None,
            kind="fixed" if self.planned else "sequence",
            planned=self.planned,
            level=self.level,
            unplanned=None if self.planned else fixed,
            adjusted=adjusted is not None,
            variance_saved=saved,
        )

    def _interval(self, found: Difference) -> Interval:
        return fixed_interval(found, self.level) if self.planned else self._sequence(found)

    def _sequence(self, found: Difference) -> Interval:
        drawn = sum(self.campaign.arms[name].n for name in ARMS)
        return sequence_interval(found, self.level, tightest_at=drawn)

    def _values(self) -> Difference | None:
        """The difference of values a customer; those who did not answer are worth nothing."""
        if not self.known.record.valued:
            return None
        moments = []
        for name in ARMS:
            worth, folded = self.rows.filter(pl.col("arm") == name)["value"], self.totals(name)
            squares = float((worth**2).sum()) + folded.value_squares
            moments.append(ArmMoments.of_sums(self._n(name), float(worth.sum()) + folded.value, squares))
        return difference(*moments)

    def _adjusted(self, plain: Difference) -> Difference | None:
        """The difference of rates less what the score from before explains; None where that does not help.

        Deng and others, "Improving the sensitivity of online controlled experiments by utilizing pre-experiment data"
        (2013): the score was known before the arms were drawn, so that its mean differs between them by chance alone.
        """
        whole = self.rows.drop_nulls("probability")
        counted = sum(self._n(name) for name in ARMS)
        answered = sum(self.arm(name).answered for name in ARMS)
        if self.known.record.folded or len(whole) < _LEAST_COVERED * counted or answered < _LEAST_RATE * counted:
            return None
        answers, scores = whole["answered"].cast(pl.Float64()).to_numpy(), whole["probability"].to_numpy()
        spread = float(np.var(scores))
        if not spread:
            return None
        slope = float(np.cov(answers, scores, ddof=0)[0, 1]) / spread
        rest: Floats = answers - slope * (scores - scores.mean())
        of_treated = (whole["arm"] == "treated").to_numpy()
        if min(of_treated.sum(), (~of_treated).sum()) < _LEAST:
            return None
        found = difference(_moments(rest[of_treated]), _moments(rest[~of_treated]))
        return found if found.standard_error < plain.standard_error else None

    def _incremental(self, effect: CampaignEffect) -> Incremental:
        treated = self.arm("treated")
        value = None if effect.value is None else effect.value * treated.n
        worth = None if effect.value_interval is None else _times(effect.value_interval, treated.n)
        contacts = treated.drawn if treated.contacted is None else treated.contacted
        cost = self.cost.contact * contacts if self.cost else None
        return Incremental(
            answers=effect.rate * treated.n,
            answers_interval=_times(effect.interval, treated.n),
            value=value,
            value_interval=worth,
            cost=cost,
            net=None if value is None or cost is None else value - cost,
            net_interval=None if worth is None or cost is None else (worth[0] - cost, worth[1] - cost),
            currency=(self.cost.currency if self.cost else None) or self.known.record.currency,
        )

    def _guardrail(self) -> SegmentEffect | None:
        """Those who unsubscribed, where it was reported of both arms."""
        arms = {name: self.arm(name) for name in ARMS}
        hits = {name: arm.unsubscribed for name, arm in arms.items()}
        if any(count is None for count in hits.values()):
            return None
        treated, control = ((hits[name] or 0, arms[name].n) for name in ARMS)
        return _segment_effect(None, treated, control, self.level)

    def _segments(self) -> Iterator[SegmentEffect]:
        """The effect within each segment of the day that has customers enough of both arms."""
        counts = (
            self.rows.drop_nulls("segment")
            .group_by("segment", "arm")
            .agg(pl.len().alias("n"), pl.col("answered").sum().alias("hits"))
        )
        found = {(row["segment"], row["arm"]): (int(row["hits"]), int(row["n"])) for row in counts.to_dicts()}
        codes = sorted({segment for segment, _ in found})
        enough = [code for code in codes if all(found.get((code, arm), (0, 0))[1] >= _LEAST_SEGMENT for arm in ARMS)]
        level = 1 - (1 - self.level) / max(len(enough), 1)
        for code in enough:
            yield _segment_effect(code, found[code, "treated"], found[code, "held_out"], level)

    def _precision(self) -> Precision:
        moments = [rate_moments(arm.answered, arm.n) for arm in map(self.arm, ARMS)]
        found = self._adjusted(difference(*moments)) or difference(*moments)
        reach = float(norm.ppf((1 + self.level) / 2) + norm.ppf(_POWER))
        return Precision(reach * found.standard_error, math.ceil(4 * found.n))


def _next_step(status: CampaignStatus, effect: CampaignEffect | None, brought: Incremental | None) -> NextStep:
    if status == "invalid":
        return "mend"
    if effect is None or brought is None:
        return "wait"
    if status == "early":
        return "look_then"
    low, high = effect.interval
    if high < 0:
        return "stop"
    if brought.net_interval is not None and brought.net_interval[1] < 0:
        return "costs_more"
    return "go_on" if low > 0 else "not_shown"


def _segment_effect(
    code: str | None, treated: tuple[int, int], control: tuple[int, int], level: float
) -> SegmentEffect:
    rate = treated[0] / treated[1] - control[0] / control[1]
    interval = rate_interval(treated, control, level)
    return SegmentEffect(segment=code, treated=treated[1], control=control[1], rate=rate, interval=interval)


def _newcombe(arms: dict[str, ArmResult], level: float) -> Interval:
    treated, control = arms["treated"], arms["held_out"]
    return rate_interval((treated.answered, treated.n), (control.answered, control.n), level)


def _moments(values: Floats) -> ArmMoments:
    return ArmMoments.of_sums(len(values), float(values.sum()), float((values**2).sum()))


def _count(rows: pl.DataFrame, name: str) -> int | None:
    """How many yes; None where nobody said anything."""
    return int(rows[name].sum()) if rows[name].is_not_null().any() else None


def _times(interval: Interval, count: int) -> Interval:
    return interval[0] * count, interval[1] * count
