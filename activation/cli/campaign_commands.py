"""The sub-commands of `penchant campaign`, each with its document and its lines."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from activation.campaigns.cost import Cost
from activation.campaigns.log_outcomes import log_outcomes
from activation.campaigns.matured import cost_of, level_of
from activation.campaigns.outcome_file import read_outcome_file
from activation.campaigns.outcome_record import Absent
from activation.campaigns.outcome_store import take_outcomes
from activation.campaigns.result import campaign_result
from activation.cli.done import Done
from activation.cli.threshold_commands import move, threshold
from features.config.use_case import LogUseCase, load_use_case
from features.errors import UseCaseError
from features.spec.languages import Language
from scoring.audiences.campaign import Campaign, campaign_named, campaigns_of
from scoring.audiences.campaign_result import CampaignResult, keep_result, result_of, sentence_values
from scoring.audiences.campaign_window import planned_look
from scoring.text.campaign_texts import campaign_sentences, status_name


class ListedCampaign(msgspec.Struct, frozen=True):
    """A campaign of the list."""

    id: str
    made: datetime
    use_case: str
    segment: str | None
    treated: int
    holdout: int
    planned_look: datetime | None
    status: str


class OutcomesTaken(msgspec.Struct, frozen=True):
    """What became of a report."""

    id: str
    matched: int  # rows of customers who were drawn
    unknown: int  # rows of nobody who was
    changed: int  # that say another thing than an earlier report
    repeated: int  # that say again what another row says
    erased: int  # of customers who objected or were erased
    known_to: datetime


def list_campaigns(options: Namespace) -> Done:
    """`list`: all campaigns of the home, the latest first."""
    found = sorted(campaigns_of(options.home), key=lambda one: (one.made, one.id), reverse=True)
    lines = [_line(options, campaign) for campaign in found]
    shown = [
        f"{one.id}  {one.made:%Y-%m-%d}  {one.use_case}{f', {one.segment}' if one.segment else ''}: "
        f"{one.treated:,} on the list, {one.holdout:,} held out, {status_name(one.status, 'en').lower()}"
        for one in lines
    ]
    return Done({"campaigns": lines}, shown or ["No list has left with a hold-out yet."])


def show(options: Namespace) -> Done:
    """`show ID`: what was stated before the list left."""
    campaign = campaign_named(options.home, options.id)
    return Done(campaign, msgspec.json.format(msgspec.json.encode(campaign), indent=1).decode().splitlines())


def outcomes(options: Namespace) -> Done:
    """`outcomes ID FILE`: takes a report of who answered."""
    campaign = campaign_named(options.home, options.id)
    absent: Absent = options.absent
    if options.log:
        found = log_outcomes(options.home, campaign, _log_use_case(options))
        rows, known_to, repeated, written = found.rows, found.known_to, 0, None
        absent = "no"
    else:
        reported = read_outcome_file(options.file)
        rows, repeated, written = reported.rows, reported.repeated, reported.currency
        known_to = options.as_of or _now()
    currency = options.currency or written
    taken = take_outcomes(
        options.home,
        campaign,
        rows,
        known_to=known_to,
        absent=absent,
        currency=currency,
        by="log" if options.log else "file",
    )
    document = OutcomesTaken(campaign.id, taken.matched, taken.unknown, taken.changed, repeated, taken.erased, known_to)
    kept = result_of(options.home, campaign)
    found_now = campaign_result(options.home, campaign, as_of=known_to, cost=cost_of(kept), level=level_of(kept))
    keep_result(options.home, found_now)
    lines = [f"{document.matched:,} outcomes of {sum(arm.n for arm in campaign.arms.values()):,} customers taken."]
    lines += [f"{count:,} rows {text}." for count, text in _notes_of(document) if count]
    return Done(document, lines)


def result(options: Namespace) -> Done:
    """`result ID`: what it brought, kept for the pages too."""
    campaign = campaign_named(options.home, options.id)
    cost = None if options.cost is None else Cost(options.cost, options.currency)
    as_of = options.as_of or _now()
    found = campaign_result(options.home, campaign, as_of=as_of, cost=cost, level=options.level)
    keep_result(options.home, found)
    return Done(found, list(_result_lines(campaign, found, options.language)))


def _notes_of(document: OutcomesTaken) -> list[tuple[int, str]]:
    return [
        (document.unknown, "name nobody of this campaign"),
        (document.changed, "say another thing than an earlier report, and count instead of it"),
        (document.repeated, "say again what another says"),
        (document.erased, "are of customers who objected or were erased, and do not count"),
    ]


def _line(options: Namespace, campaign: Campaign) -> ListedCampaign:
    kept = result_of(options.home, campaign)
    return ListedCampaign(
        id=campaign.id,
        made=campaign.made,
        use_case=campaign.list.use_case,
        segment=campaign.list.segment,
        treated=campaign.arms["treated"].n,
        holdout=campaign.arms["held_out"].n,
        planned_look=planned_look(campaign),
        status=kept.status if kept else "pending",
    )


def _result_lines(campaign: Campaign, found: CampaignResult, language: Language) -> list[str]:
    head = f"{campaign.id}: {status_name(found.status, language)}"
    return [head, *campaign_sentences(sentence_values(campaign, found), language)]


def _log_use_case(options: Namespace) -> LogUseCase:
    use_case = load_use_case(options.file, options.home)
    if not isinstance(use_case, LogUseCase):
        raise UseCaseError(options.file, ["must read a log of events for --log, got a ready table"])
    return use_case


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


COMMANDS: Mapping[str, Callable[[Namespace], Done]] = {
    "list": list_campaigns,
    "show": show,
    "outcomes": outcomes,
    "result": result,
    "threshold": threshold,
    "move": move,
}
