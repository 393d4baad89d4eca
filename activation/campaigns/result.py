"""What a campaign brought, by intention to treat, and what to do next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from activation.campaigns.adjusted_effect import adjusted
from activation.campaigns.arm_figures import ARMS, ArmFigures
from activation.campaigns.cost import Cost
from activation.campaigns.earlier_scores import earlier_scores
from activation.campaigns.effect import (
    Difference,
    difference,
    fixed_interval,
    rate_interval,
    relative_difference,
    sequence_interval,
)
from activation.campaigns.outcome_store import settle_erased
from activation.campaigns.power import least_shown
from activation.campaigns.sample_ratio import REFUSED, sample_ratio
from activation.campaigns.subgroup_effects import guardrail, segment_effects
from activation.campaigns.threshold_result import ThresholdFigures, cell_table, threshold_result
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
_LEAST = 2  # customers of an arm, for a variance


def campaign_result(
    home: Path, campaign: Campaign, *, as_of: datetime, cost: Cost | None = None, level: float = LEVEL
) -> CampaignResult:
    """What a campaign brought: everybody counts in the arm that was drawn, contacted or not.

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
    if campaign.thresholds:
        tested = ThresholdFigures(campaign, campaign.thresholds, known, cell_table(home, campaign))
        return threshold_result(tested, as_of=as_of, look=look, cost=cost, level=level)
    figures = ArmFigures(campaign, known, earlier_scores(home, campaign))
    return _Look(figures, as_of, look, cost, level).result()


@dataclass(frozen=True)
class _Look:
    """One look at a campaign."""

    figures: ArmFigures
    as_of: datetime
    look: datetime | None
    cost: Cost | None
    level: float

    def result(self) -> CampaignResult:
        ratio = self._ratio()
        effect = self._effect() if min(map(self.figures.n, ARMS)) >= _LEAST else None
        status = self._status(ratio, effect)
        seen = effect if status != "invalid" else None
        incremental = self._incremental(seen) if seen else None
        harm = guardrail(self.figures, self.level, planned=self.planned) if seen else None
        record = self.figures.known.record
        return CampaignResult(
            id=self.figures.campaign.id,
            as_of=self.as_of,
            status=status,
            next_step=next_step(status, seen, incremental, harm),
            next_look=self.look.date() if self.look and status in ("pending", "early") else None,
            known_to=record.known_to,
            arms={name: self.figures.arm(name) for name in ARMS},
            effect=seen,
            incremental=incremental,
            srm=ratio,
            guardrail=harm,
            segments=segment_effects(self.figures, self.level) if status == "final" else (),
            precision=self._precision() if status == "final" else None,
            erased=sum(record.erased.values()),
            contact_cost=self.cost.contact if self.cost else None,
            contact_currency=self.cost.currency if self.cost else None,
            level=self.level,
        )

    @cached_property
    def planned(self) -> bool:
        """Whether the planned look has come, and outcomes are known up to it."""
        return self.look is not None and min(self.as_of, self.figures.known.record.known_to) >= self.look

    def _status(self, ratio: SampleRatio, effect: CampaignEffect | None) -> CampaignStatus:
        if min(ratio.p, ratio.lost_p) < REFUSED:
            return "invalid"
        if effect is None:
            return "pending"
        return "final" if effect.planned else "early"

    def _ratio(self) -> SampleRatio:
        campaign = self.figures.campaign
        drawn = {name: campaign.arms[name].n for name in ARMS}
        return sample_ratio({name: self.figures.n(name) for name in ARMS}, drawn, campaign.holdout)

    @cached_property
    def _rates(self) -> tuple[Difference, Difference | None]:
        """The difference of rates, and the same adjusted where that helps."""
        plain = difference(*map(self.figures.rate, ARMS))
        return plain, adjusted(self.figures, "answered", plain)

    def _effect(self) -> CampaignEffect:
        plain, better = self._rates
        rate = better or plain
        treated, control = (self.figures.arm(name) for name in ARMS)
        scores = rate_interval((treated.answered, treated.n), (control.answered, control.n), self.level)
        fixed = fixed_interval(rate, self.level) if better else scores
        values = self._values()
        saved = 1 - (rate.standard_error / plain.standard_error) ** 2 if better else None
        relative = relative_difference(*map(self.figures.rate, ARMS)).estimate if control.answered else None
        return CampaignEffect(
            rate=rate.estimate,
            interval=fixed if self.planned else self._sequence(rate),
            value=values.estimate if values else None,
            value_interval=self._interval(values) if values else None,
            relative=relative,
            kind="fixed" if self.planned else "sequence",
            planned=self.planned,
            level=self.level,
            unplanned=None if self.planned else fixed,
            adjusted=better is not None,
            variance_saved=saved,
        )

    def _interval(self, found: Difference) -> Interval:
        return fixed_interval(found, self.level) if self.planned else self._sequence(found)

    def _sequence(self, found: Difference) -> Interval:
        return sequence_interval(found, self.level, tightest_at=self.figures.drawn)

    def _values(self) -> Difference | None:
        """The difference of values a customer, where values were reported."""
        if not self.figures.known.record.valued:
            return None
        plain = difference(*map(self.figures.worth, ARMS))
        return adjusted(self.figures, "value", plain) or plain

    def _incremental(self, effect: CampaignEffect) -> Incremental:
        treated = self.figures.arm("treated")
        value = None if effect.value is None else effect.value * treated.n
        worth = None if effect.value_interval is None else _times(effect.value_interval, treated.n)
        contacts = treated.drawn if treated.contacted is None else treated.contacted
        cost = self.cost.contact * contacts if self.cost else None
        return Incremental(
            answers=effect.rate * treated.n,
            answers_interval=_times(effect.interval, treated.n),
            value=value,
            value_interval=worth,
            per_contact=value / contacts if value is not None and contacts else None,
            per_contact_interval=_times(worth, 1 / contacts) if worth and contacts else None,
            cost=cost,
            net=None if value is None or cost is None else value - cost,
            net_interval=None if worth is None or cost is None else (worth[0] - cost, worth[1] - cost),
            currency=(self.cost.currency if self.cost else None) or self.figures.known.record.currency,
        )

    def _precision(self) -> Precision:
        plain, better = self._rates
        found = better or plain
        return Precision(least_shown(found, self.level), math.ceil(4 * found.n))


def next_step(
    status: CampaignStatus, effect: CampaignEffect | None, brought: Incremental | None, harm: SegmentEffect | None
) -> NextStep:
    """What to do next: whatever it brings, more who unsubscribe are to be weighed first."""
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
    if low <= 0:
        return "not_shown"
    return "weigh" if harm and harm.interval[0] > 0 else "go_on"


def _times(interval: Interval, count: float) -> Interval:
    return interval[0] * count, interval[1] * count
