"""What a campaign brought, as it is kept beside it and read by pages: HOME/campaigns/ID/result.json."""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import msgspec

from features.spec.atomic import write_file
from scoring.audiences.campaign import CAMPAIGNS, Campaign, CampaignError

RESULT = "result.json"
Interval = tuple[float, float]
CampaignStatus = Literal["pending", "early", "final", "invalid"]
NextStep = Literal[
    "wait",  # nothing is known yet
    "look_then",  # at the planned look, not before
    "go_on",  # it brings more than it costs
    "weigh",  # it does, and more customers unsubscribe for it
    "costs_more",  # it is heeded, and costs more than it brings
    "stop",  # it does harm
    "not_shown",  # chance alone could bring it
    "mend",  # what was reported is not what was drawn
    "move_cut",  # of thresholds: another one brings more value
    "weigh_cut",  # it does, and more customers unsubscribe for it
    "keep_cut",  # the one in force does
    "keep_for_now",  # a difference that matters would have been seen by now
    "more_customers",  # nothing is shown yet
    "too_few",  # customers between the cuts, for anything to be shown
    "value_first",  # no values are known, by which alone a threshold moves
]


class ArmResult(msgspec.Struct, frozen=True):
    """One arm as it was drawn, whoever of it was contacted."""

    n: int  # customers whose outcome is known
    answered: int
    value: float | None  # of all of them; None where no values were reported
    drawn: int  # customers that the arm was of
    contacted: int | None = None
    unsubscribed: int | None = None


class CampaignEffect(msgspec.Struct, frozen=True, kw_only=True):
    """Treated less hold-out, a customer; each interval of `level`, of the primary metric at the planned look alone."""

    rate: float
    interval: Interval  # of `rate`
    value: float | None = None
    value_interval: Interval | None = None
    relative: float | None = None  # `rate` as a share of the hold-out's; None where that is too small
    kind: Literal["fixed", "sequence"]  # `sequence`: holds at every look, and is wider
    planned: bool  # whether this is the planned look or one after it
    level: float
    unplanned: Interval | None = None  # the fixed interval of `rate` before the planned look: not to be relied on
    adjusted: bool = False  # by the score from before the campaign
    variance_saved: float | None = None  # by the adjustment, a share


class Incremental(msgspec.Struct, frozen=True, kw_only=True):
    """What would not have been without the campaign: the effect times the treated."""

    answers: float
    answers_interval: Interval
    value: float | None = None
    value_interval: Interval | None = None
    per_contact: float | None = None  # `value` by how many were contacted
    per_contact_interval: Interval | None = None
    cost: float | None = None
    net: float | None = None  # value less cost
    net_interval: Interval | None = None
    currency: str | None = None


class SampleRatio(msgspec.Struct, frozen=True):
    """Whether outcomes are known of as many of each arm as were drawn."""

    p: float  # chi-square; below .001 nothing is concluded
    lost: dict[str, int]  # customers of unknown outcome, by arm
    lost_p: float  # Fisher's exact test of loss between the arms


class SegmentEffect(msgspec.Struct, frozen=True, kw_only=True):
    """The effect within a segment of the day; `interval` is corrected for how many segments there are (Bonferroni)."""

    segment: str | None
    treated: int
    control: int
    rate: float
    interval: Interval
    p: float | None = None  # of no effect, corrected for how many segments there are (Holm)


class Precision(msgspec.Struct, frozen=True):
    """How small an effect the campaign can show with 80 % power, and what half of it would take."""

    rate: float
    customers_for_half: int  # of both arms, drawn in the same shares


class CutResult(msgspec.Struct, frozen=True):
    """What became of those who were drawn one of the cuts."""

    cut: float
    n: int  # customers of known outcome
    contacted: int
    answered: int
    value: float
    net: float | None  # value less contacts, a customer


class ThresholdFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Another cut against the one in force: value less contacts, a customer who stands between the two."""

    in_force: float
    other: float
    gain: float
    interval: Interval  # a confidence sequence, of `level`: of all comparisons together it misses as rarely as asked
    level: float
    customers: int  # between the two, drawn one of them
    least: float  # the difference that more customers are counted for
    more: int | None  # how many, with 80 % power; None where no number would do
    currency: str | None = None
    cuts: tuple[CutResult, ...] = ()


class CampaignResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a campaign as of a moment."""

    id: str
    as_of: datetime
    status: CampaignStatus
    next_step: NextStep
    next_look: date | None = None
    known_to: datetime | None = None  # up to when outcomes are known
    arms: dict[str, ArmResult]
    effect: CampaignEffect | None = None
    incremental: Incremental | None = None
    srm: SampleRatio | None = None
    guardrail: SegmentEffect | None = None  # those who unsubscribed
    segments: tuple[SegmentEffect, ...] = ()
    precision: Precision | None = None
    erased: int = 0  # customers of whom only totals are left, or nothing
    contact_cost: float | None = None  # of one contact, as the look was asked for
    contact_currency: str | None = None  # of that
    level: float | None = None  # of the intervals, as it was asked for; None in results of earlier revisions
    threshold: ThresholdFinding | None = None  # where the arms are cuts of one score


def sentence_values(campaign: Campaign, result: CampaignResult) -> dict[str, str | float | None]:
    """What the sentences on a result speak of, by name: `campaign_sentences` of `scoring.text.campaign_texts`."""
    effect, brought, ratio, treated = result.effect, result.incremental, result.srm, result.arms["treated"]
    values: dict[str, str | float | None] = {
        "status": result.status,
        "next_step": result.next_step,
        "next_look": result.next_look.isoformat() if result.next_look else None,
        "treated": treated.n or treated.drawn,
        "contacted": treated.contacted,
        "metric": campaign.metric,
        "id": campaign.id,
    }
    if brought and effect:
        values |= {"answers": brought.answers, "low": brought.answers_interval[0], "high": brought.answers_interval[1]}
        values |= {"value": brought.value, "cost": brought.cost, "net": brought.net, "currency": brought.currency}
        worth, net = brought.value_interval or (None, None), brought.net_interval or (None, None)
        values |= {"value_low": worth[0], "value_high": worth[1], "net_low": net[0], "net_high": net[1]}
        each = brought.per_contact_interval or (None, None)
        values |= {"contact": brought.per_contact, "contact_low": each[0], "contact_high": each[1]}
        values |= {"level": effect.level, **_unsubscribed(result.guardrail)}
    if ratio:
        values |= {"lost_treated": ratio.lost["treated"], "lost_held_out": ratio.lost["held_out"]}
    if result.threshold:
        values |= {**_threshold_values(result.threshold), **_unsubscribed(result.guardrail)}
    if result.precision:
        values["customers"] = result.precision.customers_for_half
    return values


def _threshold_values(found: ThresholdFinding) -> dict[str, str | float | None]:
    """What is said of a cut, more customers in whole hundreds."""
    more = None if found.more is None else math.ceil(found.more / 100) * 100
    form = "better" if found.interval[0] > 0 else "worse" if found.interval[1] < 0 else "unknown"
    return {
        "cut": form,
        "cut_in_force": found.in_force,
        "cut_other": found.other,
        "gain": found.gain,
        "gain_low": found.interval[0],
        "gain_high": found.interval[1],
        "gain_least": found.least,
        "more": more,
        "currency": found.currency,
    }


def _unsubscribed(found: SegmentEffect | None) -> dict[str, str | float | None]:
    """Whether more unsubscribed: shown, not shown, or not known."""
    if found is None:
        return {"guardrail": "unsubscribes_unknown"}
    if found.interval[0] > 0:
        return {"guardrail": "unsubscribed", "unsubscribed": found.rate}
    return {"guardrail": "unsubscribes_fine", "unsubscribed_high": max(found.interval[1], 0.0)}


def keep_result(home: Path, result: CampaignResult) -> None:
    """Keeps a result beside its campaign; the same result is the same bytes."""
    content = msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"
    write_file(home / CAMPAIGNS / result.id / RESULT, content, mode=0o600)


def result_of(home: Path, campaign: Campaign) -> CampaignResult | None:
    """The result kept last; None where none is.

    Raises:
        CampaignError: It cannot be read.
    """
    file = home / CAMPAIGNS / campaign.id / RESULT
    try:
        return _DECODE(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CampaignError(f"{RESULT} of {campaign.id} must be readable, got {type(error).__name__}.") from error


_DECODE = msgspec.json.Decoder(CampaignResult).decode
