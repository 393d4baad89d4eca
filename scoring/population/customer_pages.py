"""What may be asked of a day's customers, and what a page of them holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from scoring.population.cursors import Cursor
from scoring.population.days import PopulationError

Order = Literal["-score", "score", "customer_id", "refresh", "-uplift", "-value"]


class NoPopulationError(PopulationError):
    """There is no day to read, or none with an index."""


class DayGoneError(PopulationError):
    """The day of a cursor is not kept for pages any more."""


class StaleDayError(PopulationError):
    """The day is older than its customers may be on a list."""


class ContactsUnreadableError(ValueError):
    """The contacts that a home has named cannot be read."""


class QueryError(ValueError):
    """A question that the day cannot answer; `broken` has the rule by the name of what breaks it."""

    def __init__(self, broken: dict[str, str]) -> None:
        super().__init__(" ".join(f"{name}: {rule}" for name, rule in broken.items()))
        self.broken = broken


class CustomerQuery(msgspec.Struct, frozen=True):
    """Which customers, in which order."""

    use_case: str | None = None  # those whom it scored; None: everybody
    segment: str | None = None  # in the path or overlapping
    band: str | None = None  # of the use case
    reason: str | None = None  # a code among the three of the use case
    order: Order | None = None  # `-score`: the highest first; None: that of a use case, else by id
    value: int | UnsetType = UNSET  # of the use case: a band of value, from 1, the least; unset: any
    cluster: str | UnsetType = UNSET  # a learned cluster, as `habits.group_2`; unset: any
    # `-value`: those first who will bring most
    # `-uplift`: those first whom a contact changes most for the good
    # `refresh`: those with missing cells of their own data, scored or not, the emptiest and stalest first

    @property
    def sorted_by(self) -> Order:
        """The order, stated or not."""
        return self.order or ("-score" if self.use_case else "customer_id")


class RankedReason(msgspec.Struct, frozen=True):
    """One of the three strongest reasons; texts are made of it where it is read."""

    code: str
    feature: str
    value: str | None
    contribution: float  # calibrated log-odds


class RankedScore(msgspec.Struct, frozen=True):
    """What one use case says of a customer; all but the status is null where it is not `scored`."""

    status: str
    score: float | None
    probability: float | None
    percentile: int | None
    band: str | None
    reasons: list[RankedReason]
    uplift: float | UnsetType | None = UNSET  # what a contact adds to the probability, where the release serves it
    value: float | UnsetType | None = UNSET  # what the customer will bring, where the release serves it


class RankedCustomer(msgspec.Struct, frozen=True):
    """A customer of a page; a use case that is not about them is left out."""

    customer_id: str
    segment: str | None
    scores: dict[str, RankedScore]


@dataclass(frozen=True, slots=True)
class ProfileCells:
    """How much of a customer's own data is there."""

    missing: int
    expected: int


@dataclass(frozen=True, slots=True)
class CustomersPage:
    """A page, and how many there are on all pages."""

    total: int
    customers: list[RankedCustomer]
    next: Cursor | None  # None on the last page
    profiles: Sequence[ProfileCells] = ()  # of each customer; none where the day does not say


@dataclass(frozen=True, slots=True)
class Counts:
    """How many customers each filter would leave, the other filters as they are."""

    total: int
    unplaced: int  # in no segment
    segments: dict[str, int]  # a customer may be in several
    bands: dict[str, int]  # they add up to those scored
    reasons: dict[str, int]  # a customer has up to three
