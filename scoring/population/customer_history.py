"""What a look-up of a customer answers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from scoring.answers.wire import DiscoveredReason

Cell = str | int | float | bool | None


class KeptScore(msgspec.Struct, frozen=True):
    """What a use case said on a day; null but for status and version where it did not score."""

    status: str
    score: float | None
    probability: float | None
    percentile: int | None
    band: str | None
    version: str | None


class KeptGroup(msgspec.Struct, frozen=True):
    """The discovered group of a customer on a day, and the other that is nearest."""

    code: str
    margin: float
    next: str
    label: str | None = None  # of `code` in the language asked for, as it is called now; null where it is gone
    next_label: str | None = None
    reasons: list[DiscoveredReason] = []  # of the latest day whose features are kept, while the groups are the same


class KeptDay(msgspec.Struct, frozen=True):
    """One customer on one day."""

    as_of: datetime
    segment: str | None
    scores: dict[str, KeptScore]  # by use case
    discovered: dict[str, KeptGroup]  # by segmentation


class CustomerConsent(msgspec.Struct, frozen=True):
    """Whether a customer agreed to be addressed by a channel for a purpose."""

    channel: str
    purpose: str
    status: Literal["granted", "withdrawn", "none", "unknown"]  # `unknown`: not among the contacts


class CustomerHistory(msgspec.Struct, frozen=True):
    """What the days hold of a customer; nothing of one whom they do not know, or who objected or was erased."""

    customer_id: str
    known: bool
    features: dict[str, dict[str, Cell]]  # by use case, of the latest day that keeps them; dates as text
    days: list[KeptDay]  # the earliest first
    consent: CustomerConsent | None  # null where the home has named no contacts
