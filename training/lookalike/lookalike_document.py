"""What is asked for a seed, and what a look-alike list says of itself, as one document."""

from __future__ import annotations

import msgspec

from features.spec.languages import Language
from scoring.reasons.reason import Reason
from training.lookalike.seed_evidence import SeedEvidence


class LookalikeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How many are asked for, and how they are shown."""

    size: int  # the hold-out is among them
    holdout: float = 0.0
    salt: str | None = None
    reasons: int = 3
    language: Language = "en"
    random_seed: int = 0
    format: str = "json"


class SeedCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of a seed file; nobody's id."""

    rows: int
    blank: int  # without an id
    repeated: int  # of an id that an earlier row has
    ids: int  # different ones
    unknown: int  # of no customer
    objected: int  # of customers who objected or were erased: nothing is learned from them
    without_data: int  # of customers of whom nothing is known
    used: int  # learned from
    digest: str  # of those who were, by keyed hash


class Lookalike(msgspec.Struct, frozen=True, kw_only=True):
    """A customer on the list: base value and contributions add up to the log-odds."""

    rank: int
    customer_id: str
    score: float  # 0.1 to 99.9; 50 is as much like the seed as like the rest
    log_odds: float
    base_value: float
    reasons: list[Reason]  # the strongest first
    contributions: dict[str, float]  # by feature, in log-odds


class LookalikeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A list, how well its model finds members of the seed, and who was left out and why."""

    as_of: str | None  # the moment whose features were compared; null of a ready table
    use_cases: tuple[str, ...]
    features: int
    seed: SeedCounts
    evidence: SeedEvidence = msgspec.field(name="held_out")
    size: int  # asked for
    stale: bool  # whether the day is too old for its customers to be addressed
    internal: bool  # whether it addresses nobody: the day is stale, or nobody's consent is known
    channel: str | None
    purpose: str | None
    members: int  # on it and left out
    written: int
    left_out: dict[str, int]  # by the first reason
    holdout: float
    salt: str | None
    campaign: str | None
    holdout_ids: list[str]
    digest: str  # of the list in its order, by keyed hash
    customers: list[Lookalike] = msgspec.field(name="list")
