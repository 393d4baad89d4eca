"""A test of thresholds: each customer is drawn one of several cuts of one score, and contacted at or above it."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from scoring.audiences.campaign import (
    Campaign,
    CampaignList,
    CampaignPlan,
    CampaignVersions,
    ThresholdCell,
    ThresholdPlan,
    record_campaign,
)
from scoring.audiences.campaign_window import predicted_answers
from scoring.audiences.export_log import log_export
from scoring.audiences.pressure.contact_history import one_list_at_a_time
from scoring.audiences.pressure.restraint import note_list
from scoring.population.customer_lists import CustomerList, ListQuery, make_list
from scoring.population.daily_file import check_age
from scoring.population.ranked import DayIndex, open_index
from scoring.releases.store import manifest_of


@dataclass(frozen=True, slots=True)
class ThresholdRequest:
    """What is stated before the list leaves."""

    use_case: str
    plan: ThresholdPlan
    salt: str
    segment: str | None = None
    window: str | None = None  # None: the span that is predicted
    metric: str | None = None  # None: the event that is predicted
    planned_look: date | None = None


@dataclass(frozen=True, slots=True)
class ThresholdList:
    """Whom to contact, each by the cut drawn."""

    campaign: Campaign
    customers: tuple[str, ...]
    left_out: Mapping[str, int]  # by the first reason; who is below their own cut is none of these
    below: int  # customers below their own cut, at or above the lowest


def begin_threshold_test(home: Path, asked: ThresholdRequest) -> ThresholdList:
    """Draws the cuts of the day in service, keeps the campaign and the contacts, and gives the list that may leave.

    Raises:
        CampaignError: A campaign of the home cannot be read.
        SaltReusedError: The salt was used for another list.
        QueryError: The day has no such use case or segment.
        ListTooLongError: There are more customers than a list may be of.
        PopulationError: There is no day, or it is too old for a list.
        PressureError: The rules of pressure, or the contact history, cannot be read.
        SuppressionError: The suppression list cannot be read.
        OSError: The log of exports cannot be written.
    """
    with one_list_at_a_time(home):
        index = open_index(home)
        check_age(home, index.as_of)
        cuts = asked.plan.cuts
        made = make_list(
            home, index, ListQuery(asked.use_case, threshold=cuts[0], segment=asked.segment), salt=asked.salt
        )
        cells = {
            one.customer_id: ThresholdCell(
                drawn_cut(one.customer_id, len(cuts), asked.salt),
                bisect_right(cuts, one.scores[asked.use_case].probability or 0.0),
            )
            for one in made.customers
        }
        contacted = tuple(who for who, cell in cells.items() if is_contacted(cell))
        others = tuple(who for who, cell in cells.items() if not is_contacted(cell))
        counts = Counter(cell.cut for cell in cells.values())
        thresholds = msgspec.structs.replace(asked.plan, drawn=tuple(counts[cut] for cut in range(len(cuts))))
        plan = _plan(home, asked, index, thresholds, len(others) / max(len(cells), 1))
        campaign = record_campaign(home, plan, treated=contacted, holdout_ids=others, cells=cells)
        left_out = {**made.left_out, "below_cut": len(others)}
        log_export(home, _logged(asked, index, made, campaign, left_out), format_="list", by="command")
        note_list(home, made.identity, contacted)
    return ThresholdList(campaign, contacted, made.left_out, len(others))


def drawn_cut(customer: str, cuts: int, salt: str) -> int:
    """The position of the cut that a customer is drawn: the same on every machine, independent between salts.

    >>> [drawn_cut(f"c{number}", 2, "spring") for number in range(6)]
    [0, 0, 1, 0, 0, 1]
    """
    drawn = hashlib.sha256(f"{salt}\0cut\0{customer}".encode()).digest()
    return int.from_bytes(drawn[:8], "big") * cuts >> 64


def is_contacted(cell: ThresholdCell) -> bool:
    """Whether a customer stands at or above the cut drawn."""
    return cell.zone > cell.cut


def _plan(
    home: Path, asked: ThresholdRequest, index: DayIndex, thresholds: ThresholdPlan, below: float
) -> CampaignPlan:
    day = index.day.manifest
    window, metric = predicted_answers(manifest_of(home, asked.use_case))
    return CampaignPlan(
        salt=asked.salt,
        holdout=below,
        list=CampaignList(
            use_case=asked.use_case,
            snapshot=index.as_of.isoformat().replace("+00:00", "Z"),
            segment=asked.segment,
            threshold=asked.plan.cuts[0],
        ),
        versions=CampaignVersions(day.models, day.policy),
        window=asked.window or window,
        metric=asked.metric or metric,
        planned_look=asked.planned_look,
        thresholds=thresholds,
    )


def _logged(
    asked: ThresholdRequest, index: DayIndex, made: CustomerList, campaign: Campaign, left_out: Mapping[str, int]
) -> dict[str, object]:
    """What the log of exports is given; nobody's id."""
    stated = {"use_case": asked.use_case, "segment": asked.segment, "threshold": asked.plan.cuts[0]}
    of_day = {"as_of": index.as_of.isoformat(), "policy": index.day.manifest.policy, "campaign": campaign.id}
    counts = {"members": made.members, "written": campaign.arms["treated"].n, "left_out": dict(left_out)}
    return {**stated, **of_day, **counts, "internal": made.contacts is None}
