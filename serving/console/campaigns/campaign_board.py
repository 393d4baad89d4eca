"""What the page Campaigns shows: whose outcomes are due, which run, what the others brought, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scoring.answers.served_release import Live
from scoring.segments.policy import Policy
from scoring.text.campaign_texts import campaign_sentences, status_name
from serving.console.web.i18n import Texts
from serving.console.web.render import called

if TYPE_CHECKING:  # they bring pyarrow along, which few servers need
    from scoring.audiences.campaign import Campaign, CampaignList
    from scoring.audiences.campaign_result import CampaignResult

Stage = Literal["due", "running", "result"]
STAGES: tuple[Stage, ...] = ("due", "running", "result")
ARMS = ("treated", "held_out")
_LASTING = ("final", "invalid")  # results that wait for no other look


class CampaignsUnreadableError(ValueError):
    """A campaign of the home is not as it was written."""


@dataclass(frozen=True, slots=True)
class CampaignArmLine:
    """An arm in the table of a campaign."""

    name: str
    customers: int  # of known outcome; before any report those who were drawn
    answered: int | None
    rate: float | None
    value: float | None


@dataclass(frozen=True, slots=True)
class CampaignSegmentLine:
    """The effect within a segment, its interval corrected for how many there are."""

    label: str
    customers: int  # of both arms
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A campaign, as people read it."""

    id: str
    stage: Stage
    title: str  # of the use case
    whom: str  # the label of a segment, the name of a group, or that it is of look-alikes; empty of a list of all
    made: str  # ISO moments and dates
    look: str | None
    status: str
    sentences: list[str]  # the last one is what to do next
    arms: list[CampaignArmLine]
    segments: list[CampaignSegmentLine]
    result: CampaignResult | None


@dataclass(frozen=True, slots=True)
class CampaignsShown:
    """All campaigns by stage, the latest of each first."""

    by_stage: Mapping[Stage, list[CampaignLine]]

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self.by_stage.values()))


def campaign_board(
    home: Path, served: Mapping[str, Live], policy: Policy, texts: Texts, *, now: datetime
) -> CampaignsShown:
    """The campaigns of a home; it reads files, so never on the loop that answers.

    Raises:
        CampaignsUnreadableError: One of them cannot be read.
    """
    from scoring.audiences.campaign import CampaignError, campaigns_of
    from scoring.audiences.campaign_result import result_of

    try:
        found = [(campaign, result_of(home, campaign)) for campaign in campaigns_of(home)]
    except CampaignError as error:
        raise CampaignsUnreadableError(str(error)) from None
    found.sort(key=lambda pair: (pair[0].made, pair[0].id), reverse=True)
    lines = [_line(campaign, result, served, policy, texts, now) for campaign, result in found]
    return CampaignsShown({stage: [line for line in lines if line.stage == stage] for stage in STAGES})


def _line(
    campaign: Campaign,
    result: CampaignResult | None,
    served: Mapping[str, Live],
    policy: Policy,
    texts: Texts,
    now: datetime,
) -> CampaignLine:
    from scoring.audiences.campaign_window import planned_look

    look = planned_look(campaign)
    lasting = result is not None and (result.status in _LASTING or result.threshold is not None)
    stage: Stage = "result" if lasting else "due" if look and look <= now else "running"
    return CampaignLine(
        id=campaign.id,
        stage=stage,
        title=called(campaign.list.use_case, served, texts.language),
        whom=_whom(campaign.list, served, policy, texts),
        made=campaign.made.isoformat(),
        look=look.date().isoformat() if look else None,
        status=status_name(result.status if result else "pending", texts.language),
        sentences=_sentences(campaign, result, stage, texts),
        arms=[_arm(campaign, result, name, texts) for name in ARMS],
        segments=[
            CampaignSegmentLine(
                _label(one.segment or "", policy, texts), one.treated + one.control, one.rate, *one.interval
            )
            for one in (result.segments if result else ())
        ],
        result=result,
    )


def _whom(listed: CampaignList, served: Mapping[str, Live], policy: Policy, texts: Texts) -> str:
    """Whom a list was made of, as people read it."""
    if listed.lookalike:
        return texts["campaign_lookalike"]
    named = [_label(listed.segment, policy, texts)] if listed.segment else []
    if listed.cluster:
        segmentation, _, code = listed.cluster.rpartition(".")
        learned = (
            live.discovering[segmentation].learned for live in served.values() if segmentation in live.discovering
        )
        labels = next((one.labels for one in learned), {})
        named.append(labels.get(code, {}).get(texts.language, listed.cluster))
    return ", ".join(named)


def _label(code: str, policy: Policy, texts: Texts) -> str:
    """What a segment is called; its code where the policy in force does not know it."""
    return policy.by_code[code].labels[texts.language] if code in policy.by_code else code


def _sentences(campaign: Campaign, result: CampaignResult | None, stage: Stage, texts: Texts) -> list[str]:
    """What is known, and last what to do next; of one that is due it is to report and to look."""
    from scoring.audiences.campaign_result import sentence_values

    found = campaign_sentences(sentence_values(campaign, result), texts.language) if result else []
    if stage == "due":
        return [*found[:-1], texts.of("campaign_due", id=campaign.id)]
    return found or [texts["campaign_running"]]


def _arm(campaign: Campaign, result: CampaignResult | None, name: str, texts: Texts) -> CampaignArmLine:
    label, known = texts[f"campaign_{name}"], result.arms[name] if result else None
    if known is None or not known.n:
        return CampaignArmLine(label, campaign.arms[name].n, None, None, None)
    return CampaignArmLine(label, known.n, known.answered, known.answered / known.n, known.value)
