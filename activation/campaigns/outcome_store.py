"""What is known of a campaign's customers, kept by keyed hash; of whoever was erased only an arm's totals are left."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from activation.campaigns.outcome_record import (
    OUTCOMES,
    Absent,
    KnownOutcomes,
    OutcomeRecord,
    cell_name,
    outcome_record,
    without_erased,
)
from features.spec.atomic import write_file
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import keyed, objectors_of, read_key
from scoring.audiences.campaign import (
    CAMPAIGNS,
    Campaign,
    CampaignError,
    assigned,
    one_writer,
)
from scoring.audiences.campaign_arms import cells_of, forget_from_arms

_CELLS = {
    "contacted": pl.Boolean(),
    "answered": pl.Boolean(),
    "value": pl.Float64(),
    "unsubscribed": pl.Boolean(),
}
_SCHEMA = {"who": pl.Binary(), **_CELLS}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the rows of a report."""

    matched: int
    unknown: int  # of nobody who was drawn
    changed: int  # that say another thing than before
    erased: int


def take_outcomes(
    home: Path,
    campaign: Campaign,
    reported: pl.DataFrame,
    *,
    known_to: datetime,
    absent: Absent,
    currency: str | None,
    by: Literal["file", "log"] = "file",
) -> Taken:
    """Adds what was reported of customers; of one who was known before the last report counts.

    Args:
        home: Where the campaign is kept.
        campaign: Of whose arms they are.
        reported: A row a customer, as `check_campaign_outcomes` has them.
        known_to: Up to when the outcomes are known, UTC.
        absent: What is known of those of whom no report says anything.
        currency: Of the values; None where nobody said.
        by: Where they come from.

    Raises:
        CampaignError: The campaign, or what was known before, is not as it was written.
        SuppressionError: The home's key or list cannot be read.
    """
    settle_erased(home, campaign)  # who left before anything was known is lost, and nobody who did not answer
    key, arms = read_key(home), assigned(home, campaign)
    hashes = [keyed(key, customer) for customer in reported[CUSTOMER_ID]]
    new = reported.drop(CUSTOMER_ID).with_columns(pl.Series("who", hashes, pl.Binary())).select(*_SCHEMA)
    living = new.filter(~pl.col("who").is_in(list(_gone(home))))
    fresh = living.filter(pl.col("who").is_in(list(arms)))
    with one_writer(home):
        before = known_outcomes(home, campaign)
        whole = by == "log" and before is not None and before.record.by == "log"  # a log says all of it anew
        old = before.reported.drop("arm") if before and not whole else pl.DataFrame(schema=_SCHEMA)
        record = before.record if before else OutcomeRecord(known_to=known_to, absent=absent, valued=False)
        record = msgspec.structs.replace(
            record,
            known_to=max(known_to, record.known_to),
            absent=absent,
            valued=record.valued or bool(reported["value"].is_not_null().any()),
            currency=currency or record.currency,
            by=by,
        )
        rows = pl.concat([old.join(fresh, on="who", how="anti"), fresh]).sort("who")
        _write(home, campaign, record, rows)
    return Taken(len(fresh), len(living) - len(fresh), _changed(old, fresh), len(new) - len(living))


def _changed(old: pl.DataFrame, fresh: pl.DataFrame) -> int:
    both = old.join(fresh, on="who", how="inner", suffix="_new")
    return len(both.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_new")) for name in _CELLS)))


def known_outcomes(home: Path, campaign: Campaign) -> KnownOutcomes | None:
    """What is known, whoever was erased folded into the totals; None before any report.

    Raises:
        CampaignError: It is not as it was written.
        SuppressionError: The home's list cannot be read.
    """
    record = outcome_record(home, campaign)
    if record is None:
        return None
    try:
        content = (home / CAMPAIGNS / campaign.id / record.file).read_bytes()
    except OSError as error:
        raise CampaignError(f"The outcomes of {campaign.id} must be readable, got {type(error).__name__}.") from error
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise CampaignError(f"The outcomes of {campaign.id} must be as they were written, got other bytes.")
    arms, gone = assigned(home, campaign), _gone(home)
    reported = pl.read_parquet(content)
    reported = reported.with_columns(pl.Series("arm", [arms[who] for who in reported["who"]], pl.String()))
    silent = _silent(arms, reported) if record.absent == "no" else reported.clear()
    cells = {who: cell_name(cell) for who, cell in cells_of(home, campaign).items()}
    return without_erased(KnownOutcomes(record, reported, silent), gone, cells or arms)


def settle_erased(home: Path, campaign: Campaign) -> KnownOutcomes | None:
    """The same as `known_outcomes`, and nothing of whoever was erased stays on the disk. Raises as it does."""
    with one_writer(home):
        known = known_outcomes(home, campaign)
        if known and known.record != outcome_record(home, campaign):
            _write(home, campaign, known.record, known.reported.drop("arm"))
        forget_from_arms(home, campaign, _gone(home))
    return known


def _gone(home: Path) -> frozenset[bytes]:
    """Who objected or was erased."""
    objectors = objectors_of(home)
    return objectors.hashes if objectors else frozenset()


def _silent(arms: Mapping[bytes, str], reported: pl.DataFrame) -> pl.DataFrame:
    """Those of the arms whom no report names: they did not answer, nor unsubscribe where that was reported at all."""
    named = set(reported["who"])
    quiet = [who for who in arms if who not in named]
    found = pl.DataFrame({"who": quiet, "arm": [arms[who] for who in quiet]}, {"who": pl.Binary(), "arm": pl.String()})
    known = {"answered", "unsubscribed"} if reported["unsubscribed"].is_not_null().any() else {"answered"}
    cells = [pl.lit(False if name in known else None, kind).alias(name) for name, kind in _CELLS.items()]
    return found.with_columns(cells).select(reported.columns)


def _write(home: Path, campaign: Campaign, record: OutcomeRecord, rows: pl.DataFrame) -> None:
    """Writes the rows, then the record that names them, then takes away the rows of before."""
    folder, content = home / CAMPAIGNS / campaign.id, io.BytesIO()
    rows.write_parquet(content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    record = msgspec.structs.replace(record, file=f"outcomes-{digest[:12]}.parquet", sha256=digest)
    write_file(folder / record.file, content.getvalue(), mode=0o600)
    stated = msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=1)
    write_file(folder / OUTCOMES, stated + b"\n", mode=0o600)
    for other in folder.glob("outcomes-*.parquet"):
        if other.name != record.file:
            other.unlink()
