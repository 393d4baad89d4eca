"""The list of those most like a seed: cut to who may be on a list, with reasons, logged before it leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from features.spec.feature import CUSTOMER_ID
from scoring.audiences.audience import Contacts
from scoring.audiences.campaign import CampaignList, CampaignPlan, CampaignVersions, record_campaign
from scoring.audiences.campaign_window import predicted_answers
from scoring.audiences.contacts import CHANNEL
from scoring.audiences.export_log import log_export
from scoring.audiences.pressure.contact_history import ListIdentity, one_list_at_a_time
from scoring.audiences.pressure.restraint import note_list
from scoring.models.bands import published_score
from scoring.models.calibration import sigmoid
from scoring.population.customer_lists import RankedChoice, choose_ranked
from scoring.reasons.reasons import named_contributions, top_reasons
from scoring.releases.store import manifest_of
from training.lookalike.customer_table import CustomerTable
from training.lookalike.learned_seed import LearnedSeed, digest_of, learn_seed
from training.lookalike.lookalike_document import Lookalike, LookalikeDocument, LookalikeRequest
from training.lookalike.seed_file import SeedFile
from training.lookalike.seed_model import Rows

WHAT = "lookalike"  # what such a list is of, in the contact history


@dataclass(frozen=True)
class FoundLookalikes:
    """The document, and the same list as a file has it."""

    document: LookalikeDocument
    rows: pa.Table


def find_lookalikes(home: Path, table: CustomerTable, file: SeedFile, asked: LookalikeRequest) -> FoundLookalikes:
    """The customers most like a seed who may be on a list; with a hold-out the list is kept as a campaign.

    Raises:
        SeedError: The seed, or the rest, has too few members to learn from.
        SaltReusedError: The salt has drawn another hold-out before.
        CampaignError: A campaign of the home cannot be read.
        ContactsUnreadableError: The contacts cannot be read.
        PressureError: The rules of pressure, or the contact history, cannot be read.
        SuppressionError: The suppression list cannot be read.
        OSError: The log of exports cannot be written.
    """
    learned = learn_seed(home, table, file.among(frozenset(table.customers)), random_seed=asked.random_seed)
    ranked = [table.customers[at] for at in learned.ranked.tolist()]
    identity = _identity(table, asked, learned)
    with one_list_at_a_time(home):
        choice = choose_ranked(home, ranked, identity, size=asked.size, holdout=asked.holdout, salt=asked.salt or "")
        document = _document(home, table, learned, choice, asked)
        log_export(home, _logged(document, table), format_=asked.format, by="command")
        if not table.stale:
            note_list(home, identity, [one.customer_id for one in document.customers])
    return FoundLookalikes(document, _file_rows(document, None if table.stale else choice.contacts))


def _identity(table: CustomerTable, asked: LookalikeRequest, learned: LearnedSeed) -> ListIdentity:
    """What makes the list the same one again."""
    of_whom = {"seed": learned.counts.digest, "use_cases": ",".join(table.use_cases)}
    return ListIdentity(
        _moment(table), WHAT, {**of_whom, "size": asked.size, "holdout": asked.holdout, "salt": asked.salt}
    )


def _moment(table: CustomerTable) -> str:
    """That of the features; a ready table is of today."""
    at = table.as_of or datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return at.isoformat().replace("+00:00", "Z")


def _document(
    home: Path, table: CustomerTable, learned: LearnedSeed, choice: RankedChoice, asked: LookalikeRequest
) -> LookalikeDocument:
    customers = _customers(table, learned, learned.ranked[choice.chosen], asked)
    holdout_ids = [table.customers[at] for at in learned.ranked[choice.holdout].tolist()]
    apart = {"seed": learned.named, "suppressed": table.objected, "insufficient_data": learned.without_data}
    left_out = Counter(choice.left_out) + Counter(apart)  # those of nobody are dropped
    ids = [one.customer_id for one in customers]
    campaign = _campaign(home, table, learned, asked, (ids, holdout_ids)) if asked.holdout else None
    return LookalikeDocument(
        as_of=_moment(table) if table.as_of else None,
        use_cases=table.use_cases,
        features=len(table.features),
        seed=learned.counts,
        evidence=learned.evidence,
        size=asked.size,
        stale=table.stale,
        internal=table.stale or choice.file is None,
        channel=choice.file.channel if choice.file else None,
        purpose=choice.file.purpose if choice.file else None,
        members=len(customers) + sum(left_out.values()),
        written=len(customers),
        left_out=dict(sorted(left_out.items())),
        holdout=asked.holdout,
        salt=asked.salt,
        campaign=campaign,
        holdout_ids=holdout_ids,
        digest=digest_of(home, ids),
        customers=customers,
    )


def _customers(table: CustomerTable, learned: LearnedSeed, rows: Rows, asked: LookalikeRequest) -> list[Lookalike]:
    matrix, bundle = table.matrix[rows], learned.model.scorer.bundle
    log_odds, explained = learned.model.log_odds(matrix), learned.model.explain(matrix)
    scores = published_score(sigmoid(log_odds)).tolist()
    values = matrix.tolist()
    return [
        Lookalike(
            rank=place + 1,
            customer_id=table.customers[row],
            score=scores[place],
            log_odds=float(log_odds[place]),
            base_value=float(explained.base_value[place]),
            reasons=top_reasons(bundle, values[place], explained.contributions[place], asked.reasons, asked.language),
            contributions=named_contributions(bundle, explained.contributions[place]),
        )
        for place, row in enumerate(rows.tolist())
    ]


def _campaign(
    home: Path, table: CustomerTable, learned: LearnedSeed, asked: LookalikeRequest, arms: tuple[list[str], list[str]]
) -> str:
    """The id of the campaign that a list with a hold-out is kept as."""
    use_case = table.use_cases[0]  # whose prediction tells what an answer is
    window, metric = predicted_answers(manifest_of(home, use_case))
    plan = CampaignPlan(
        salt=asked.salt or "",
        holdout=asked.holdout,
        list=CampaignList(use_case=use_case, snapshot=_moment(table), lookalike=learned.counts.digest),
        versions=CampaignVersions(dict(table.models), table.policy),
        window=window,
        metric=metric,
    )
    treated, holdout_ids = arms
    return record_campaign(home, plan, treated=treated, holdout_ids=holdout_ids).id


def _logged(document: LookalikeDocument, table: CustomerTable) -> dict[str, object]:
    """What the log of exports is given of a list; nobody's id."""
    stated: dict[str, object] = {
        "lookalike": document.size,
        "use_case": document.use_cases[0],
        "as_of": _moment(table),
        "policy": table.policy or None,
        "internal": document.internal,
        "channel": document.channel,
        "purpose": document.purpose,
        "campaign": document.campaign,
        "members": document.members,
        "written": document.written,
        "left_out": document.left_out,
    }
    return {name: value for name, value in stated.items() if value is not None}


def _file_rows(document: LookalikeDocument, contacts: Contacts | None) -> pa.Table:
    """The list as columns: id, address where there are contacts, rank, score, texts of the reasons."""
    customers = document.customers
    ids = [one.customer_id for one in customers]
    columns: dict[str, pa.Array] = {CUSTOMER_ID: pa.array(ids, pa.string())}
    if contacts is not None:
        addresses = pa.array([contacts.emails[one] for one in ids], pa.string())
        columns["email" if contacts.channel == CHANNEL else "address"] = addresses
    columns["rank"] = pa.array([one.rank for one in customers], pa.int64())
    columns["score"] = pa.array([one.score for one in customers], pa.float64())
    for place in range(max((len(one.reasons) for one in customers), default=0)):
        texts = [one.reasons[place]["text"] if place < len(one.reasons) else None for one in customers]
        columns[f"reason_{place + 1}_text"] = pa.array(texts, pa.string())
    marked = {"penchant_internal": "true"} if document.internal else None
    return pa.table(columns).replace_schema_metadata(marked)
