"""Campaigns whose window has ended: what the log says of them, joined by the daily run, and the erased taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from activation.campaigns.cost import Cost
from activation.campaigns.log_outcomes import log_outcomes
from activation.campaigns.outcome_record import OutcomeRecord, outcome_record
from activation.campaigns.outcome_store import settle_erased, take_outcomes
from activation.campaigns.result import LEVEL, campaign_result
from features.config.use_case import LogUseCase, UseCase
from features.errors import DataError
from scoring.audiences.campaign import Campaign, CampaignError, campaigns_of
from scoring.audiences.campaign_result import CampaignResult, keep_result, result_of
from scoring.audiences.campaign_window import window_end
from scoring.audiences.snapshot import AudienceError
from scoring.population.days import PopulationError
from scoring.storage.table_files import BatchError

LASTING = ("final", "invalid")


@dataclass(frozen=True, slots=True)
class MaturedCampaigns:
    """What was done of the campaigns of a home."""

    joined: int  # by the log
    looked: int  # whose result is another than before
    notes: tuple[str, ...]  # of each that could not be


def settle_campaigns(home: Path, use_cases: Mapping[str, UseCase], until: datetime) -> MaturedCampaigns:
    """Joins what matured by the log, looks at what is not final, and takes the erased out of all.

    One that cannot be joined or read is a note, and stops no other.

    Args:
        home: Whose campaigns.
        use_cases: By name, those of the run.
        until: UTC; windows that end later have not matured.

    Raises:
        CampaignError: What a campaign is of cannot be read at all.
        SuppressionError: The home's key or list cannot be read.
    """
    joined = looked = 0
    notes = list[str]()
    for campaign in campaigns_of(home):
        try:
            before = outcome_record(home, campaign)
            settle_erased(home, campaign)
            if _awaits_log(home, campaign, before, until):
                joined += _join(home, campaign, use_cases.get(campaign.list.use_case))
            looked += _look(home, campaign, before, until)
        except DataError as failure:
            notes.append(f"campaign {campaign.id}: {'; '.join(failure.broken)}")
        except (CampaignError, AudienceError, BatchError, PopulationError) as failure:
            notes.append(f"campaign {campaign.id}: {failure}")
    return MaturedCampaigns(joined, looked, tuple(notes))


def _awaits_log(home: Path, campaign: Campaign, record: OutcomeRecord | None, until: datetime) -> bool:
    """Whether its window has ended, nobody reports by files, and its result is not the last one."""
    end = window_end(campaign)
    kept = result_of(home, campaign)
    open_still = kept is None or kept.status not in LASTING
    return end is not None and end <= until and open_still and (record is None or record.by == "log")


def _join(home: Path, campaign: Campaign, use_case: UseCase | None) -> bool:
    """Takes what the log says, where the use case has one."""
    if not isinstance(use_case, LogUseCase):
        return False
    found = log_outcomes(home, campaign, use_case)
    take_outcomes(home, campaign, found.rows, known_to=found.known_to, absent="no", currency=None, by="log")
    return True


def _look(home: Path, campaign: Campaign, before: OutcomeRecord | None, until: datetime) -> bool:
    """Keeps the result of one that is not final yet, or that has lost somebody; returns whether it is another."""
    record, kept = outcome_record(home, campaign), result_of(home, campaign)
    if record is None or (kept and kept.status in LASTING and record == before):
        return False
    found = campaign_result(home, campaign, as_of=until, cost=cost_of(kept), level=level_of(kept))
    keep_result(home, found)
    return found != kept


def cost_of(kept: CampaignResult | None) -> Cost | None:
    """What a contact costs, as it was stated of the result that is kept."""
    if kept is None or kept.contact_cost is None:
        return None
    earlier = kept.incremental.currency if kept.incremental else None
    return Cost(kept.contact_cost, kept.contact_currency or earlier)


def level_of(kept: CampaignResult | None) -> float:
    """Of the intervals of the result that is kept."""
    if kept is None:
        return LEVEL
    return kept.level or (kept.effect.level if kept.effect else LEVEL)
