"""What is kept of a campaign's outcomes beside the rows, and how whoever was erased is folded into totals."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from scoring.audiences.campaign import CAMPAIGNS, Campaign, CampaignError, ThresholdCell

OUTCOMES = "outcomes.json"
ANONYMOUS = 20  # customers of an arm from which on one more in its totals names nobody
Absent = Literal["unknown", "no"]


class Totals(msgspec.Struct, frozen=True):
    """Sums over customers of an arm of whom nothing else is left."""

    n: int = 0
    contacted: int = 0
    answered: int = 0
    unsubscribed: int = 0
    value: float = 0.0
    value_squares: float = 0.0

    def with_row(self, row: Mapping[str, object]) -> Totals:
        """The same and one customer more."""
        value = row["value"] if isinstance(row["value"], float) else 0.0
        counts = {name: getattr(self, name) + (row[name] is True) for name in ("contacted", "answered", "unsubscribed")}
        return Totals(self.n + 1, **counts, value=self.value + value, value_squares=self.value_squares + value * value)


class OutcomeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside the rows."""

    known_to: datetime  # UTC
    absent: Absent  # what is known of those whom no row names
    valued: bool  # whether values were reported
    currency: str | None = None
    file: str = ""  # of the rows
    sha256: str = ""
    folded: dict[str, Totals] = {}  # by arm, of those who were erased
    erased: dict[str, int] = {}  # by arm, all who were erased
    by: Literal["file", "log"] = "file"  # where the last report came from
    counted: str = ""  # digest of the arms without those who are counted above


@dataclass(frozen=True, slots=True)
class KnownOutcomes:
    """The outcomes of a campaign by customer, whoever was erased among the totals."""

    record: OutcomeRecord
    reported: pl.DataFrame  # who, arm, contacted, answered, value, unsubscribed
    silent: pl.DataFrame  # the same of those who did not answer, as no report names them; none where that is unknown

    @property
    def rows(self) -> pl.DataFrame:
        """Everybody of known outcome who was not erased."""
        return pl.concat([self.reported, self.silent])


def cell_name(cell: ThresholdCell) -> str:
    """What the totals of those who stand alike among cuts are called."""
    return f"cut {cell.cut}, zone {cell.zone}"


def without_erased(known: KnownOutcomes, objectors: frozenset[bytes], arms: Mapping[bytes, str]) -> KnownOutcomes:
    """Folds whoever was erased into the totals of a large arm; after a kill nobody is counted twice."""
    left = hashlib.sha256(b"".join(sorted(who for who in arms if who not in objectors))).hexdigest()
    is_gone = pl.col("who").is_in(list(objectors))
    reported, silent = known.reported.filter(~is_gone), known.silent.filter(~is_gone)
    gone = pl.concat([known.reported, known.silent.clear() if known.record.counted == left else known.silent])
    gone = gone.filter(is_gone)
    if gone.is_empty():
        return KnownOutcomes(known.record, reported, silent)
    folded, erased = dict(known.record.folded), dict(known.record.erased)
    sizes = Counter(arms.values())
    for row in gone.to_dicts():
        arm = arms[row["who"]]
        erased[arm] = erased.get(arm, 0) + 1
        if sizes[arm] + folded.get(arm, Totals()).n >= ANONYMOUS:
            folded[arm] = folded.get(arm, Totals()).with_row(row)
    record = msgspec.structs.replace(known.record, folded=folded, erased=erased, counted=left)
    return KnownOutcomes(record, reported, silent)


def outcome_record(home: Path, campaign: Campaign) -> OutcomeRecord | None:
    """What is kept beside the rows; None before any report.

    Raises:
        CampaignError: It cannot be read.
    """
    try:
        return _DECODE((home / CAMPAIGNS / campaign.id / OUTCOMES).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CampaignError(f"{OUTCOMES} of {campaign.id} must be readable, got {type(error).__name__}.") from error


_DECODE = msgspec.json.Decoder(OutcomeRecord).decode
