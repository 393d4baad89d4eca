"""Lists made of a day by rank: those who may be addressed, who was left out and why, and the hold-out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from features.spec.suppression_list import objectors_of
from scoring.audiences.audience import (
    Contacts,
    Suppressed,
    in_holdout,
    reason_left_out,
    with_customers,
)
from scoring.audiences.contacts import ContactsFile
from scoring.audiences.deliveries.contact_stops import stopped_among
from scoring.audiences.pressure.contact_history import ListIdentity
from scoring.audiences.pressure.pressure_rules import FirstList
from scoring.audiences.pressure.restraint import Restraint
from scoring.population.customer_pages import CustomerQuery, Order, RankedCustomer
from scoring.population.days import days_of
from scoring.population.home_contacts import contacts_of
from scoring.population.ranked import DayIndex, open_index

MOST = 100_000  # customers of a list


class ListTooLongError(ValueError):
    """A list would be of more customers than one may be."""


class ListQuery(msgspec.Struct, frozen=True):
    """Whom a list is of: all that is stated must hold."""

    use_case: str
    top: int | None = None  # so many, the first in the order, of those who may be addressed; the hold-out is among them
    threshold: float | None = None  # the least probability
    segment: str | None = None
    order: Order | None = None  # None: by uplift where the day has it, else the likeliest first
    cluster: str | None = None  # a learned cluster, as `habits.group_2`


@dataclass(frozen=True, slots=True)
class CustomerList:
    """A list in its order."""

    customers: list[RankedCustomer]
    holdout_ids: list[str]  # ids
    left_out: dict[str, int]  # how many, by the first reason; the hold-out too
    contacts: ContactsFile | None  # by which consent was checked; None: nobody's is known
    identity: ListIdentity  # of all lists that could be asked for
    order: Order = "-score"

    @property
    def members(self) -> int:
        """Those on it, and those left out."""
        return len(self.customers) + sum(self.left_out.values())


def make_list(home: Path, index: DayIndex, query: ListQuery, *, holdout: float = 0.0, salt: str = "") -> CustomerList:
    """The list of a query, by the contacts that the home has named; without any nobody's consent is known.

    Whoever objected or was erased is left out at once, and everyone with an address of theirs. So is, by [pressure] of
    run.toml, who is of the control group, had as many contacts as are allowed, or is left to a list that goes first.

    Args:
        home: Which has the suppression list and the contacts.
        index: The day.
        query: Whom.
        holdout: The share to hold out, in [0, 1).
        salt: Which share it is.

    Raises:
        QueryError: The query names what the day does not have.
        ListTooLongError: There are more than `MOST`.
        ContactsUnreadableError: The contacts cannot be read.
        SuppressionError: The suppression list cannot be read.
        PressureError: The rules of pressure, or the contact history, cannot be read.
    """
    file, contacts = contacts_of(home) or (None, None)
    order = query.order or index.list_order(query.use_case)
    query = msgspec.structs.replace(query, order=order)
    wanted = CustomerQuery(query.use_case, query.segment, order=order, cluster=query.cluster or UNSET)
    rows = _above(index.ranked(wanted), index, query)
    identity = _identity(index, query, holdout, salt)
    restraint = Restraint(home, identity)
    asked = _Asked(contacts, _suppressed(home, contacts), restraint)
    for first in restraint.rules.before(query.use_case, query.segment) if restraint.rules.limits else ():
        restraint.claim(_claimed(index, first, asked))
    chosen, holdout_ids, left_out = _chosen(index, rows, query.top, asked, holdout, salt)
    if hidden := _hidden(index, wanted, query, rows, chosen, holdout_ids):
        left_out["suppressed"] += hidden
    customers = index.customers(rows[chosen])
    return CustomerList(customers, index.ids(rows[holdout_ids]), dict(sorted(left_out.items())), file, identity, order)


@dataclass(frozen=True, slots=True)
class RankedChoice:
    """Who of ranked customers may be on a list, as positions among them."""

    chosen: list[int]
    holdout: list[int]
    left_out: dict[str, int]  # how many who ranked above the last, by the first reason; the hold-out too
    file: ContactsFile | None  # by which consent was checked; None: nobody's is known
    contacts: Contacts | None


def choose_ranked(
    home: Path, ranked: Sequence[str], identity: ListIdentity, *, size: int, holdout: float = 0.0, salt: str = ""
) -> RankedChoice:
    """The first of customers in any order who may be on a list, as `make_list` decides it; raises as that.

    Args:
        home: Which has the suppression list, the contacts and the day, by which lists that go first take customers.
        ranked: Their ids, the best first.
        identity: What makes the list the same one again.
        size: How many; the hold-out is among them.
        holdout: The share to hold out, in [0, 1).
        salt: Which share it is.
    """
    file, contacts = contacts_of(home) or (None, None)
    suppressed = _suppressed(home, contacts)
    if (objectors := objectors_of(home)) is not None:
        suppressed = with_customers(suppressed, objectors.among(ranked), contacts)
    asked = _Asked(contacts, suppressed, Restraint(home, identity))
    first = asked.restraint.rules.before(None, None) if asked.restraint.rules.limits else ()
    if first and days_of(home):
        index = open_index(home)
        for one in first:
            asked.restraint.claim(_claimed(index, one, asked))
    chosen, holdout_ids, left_out = _first(ranked, size, asked, holdout, salt, most=size)
    return RankedChoice(chosen, holdout_ids, dict(sorted(left_out.items())), file, contacts)


@dataclass(frozen=True, slots=True)
class _Asked:
    """By what it is decided who may be on a list."""

    contacts: Contacts | None
    suppressed: Suppressed
    restraint: Restraint

    def reason(self, customer: str, taken: set[str]) -> str | None:
        """Why a customer is not on it; None for one who may be."""
        return reason_left_out(customer, self.contacts, self.suppressed, taken) or self.restraint.reason(customer)


def _identity(index: DayIndex, query: ListQuery, holdout: float, salt: str) -> ListIdentity:
    stated = {name: getattr(query, name) for name in ("top", "threshold", "segment", "order")}
    if query.cluster is not None:  # else a list is the same one as those before there were clusters
        stated["cluster"] = query.cluster
    return ListIdentity(index.as_of.isoformat(), query.use_case, {**stated, "holdout": holdout, "salt": salt})


def _claimed(index: DayIndex, first: FirstList, asked: _Asked) -> list[str]:
    """Whom a list that goes first would take of this day; nobody where the day knows nothing of it."""
    if (first.use_case and first.use_case not in index.use_cases) or (
        first.segment and first.segment not in index.segments
    ):
        return []
    query = ListQuery(first.use_case or "", first.top, first.threshold, first.segment)
    order = index.list_order(first.use_case) if first.use_case else None
    rows = index.ranked(CustomerQuery(first.use_case, first.segment, order=order))
    if first.use_case:
        rows = _above(rows, index, query)
    chosen, _, _ = _chosen(index, rows, first.top, asked, 0.0, "", most=len(rows))
    return index.ids(rows[chosen])


def _above(rows: NDArray[np.int32], index: DayIndex, query: ListQuery) -> NDArray[np.int32]:
    """The rows at or above the threshold."""
    if query.threshold is None:
        return rows
    return rows[index.probabilities(query.use_case)[rows] >= query.threshold]


def _chosen(
    index: DayIndex,
    rows: NDArray[np.int32],
    top: int | None,
    asked: _Asked,
    holdout: float,
    salt: str,
    *,
    most: int = MOST,
) -> tuple[list[int], list[int], Counter[str]]:
    """Positions in the rows: of the list, and of the hold-out; and how many were left out until it was full."""
    ids = chain.from_iterable(index.ids(rows[start : start + MOST]) for start in range(0, len(rows), MOST))
    return _first(ids, top, asked, holdout, salt, most=most)


def _first(
    customers: Iterable[str], top: int | None, asked: _Asked, holdout: float, salt: str, *, most: int
) -> tuple[list[int], list[int], Counter[str]]:
    """The same of ranked customers.

    Raises:
        ListTooLongError: There are more than `most`.
    """
    taken = set[str]()  # addresses that are on the list
    chosen: list[int] = []
    holdout_ids: list[int] = []
    left_out: Counter[str] = Counter()
    for position, customer in enumerate(customers):
        if len(chosen) + len(holdout_ids) == top:
            break
        reason = asked.reason(customer, taken)
        if reason is None and in_holdout(customer, share=holdout, salt=salt):
            holdout_ids.append(position)
            reason = "holdout"
        if reason is None:
            chosen.append(position)
        else:
            left_out[reason] += 1
        if len(chosen) > most:
            raise ListTooLongError(f"A list must be of at most {MOST:,} customers, got more; state a lower `top`.")
    return chosen, holdout_ids, left_out


def _suppressed(home: Path, contacts: Contacts | None) -> Suppressed:
    """Who of the contacts objected or was erased, with their addresses: whoever shares one is suppressed too."""
    if contacts is None:
        return Suppressed()
    objectors = objectors_of(home)
    barred = objectors.among(contacts.consent) if objectors else frozenset[str]()
    return with_customers(Suppressed(), barred | stopped_among(home, contacts.consent, contacts.channel), contacts)


def _hidden(
    index: DayIndex,
    wanted: CustomerQuery,
    query: ListQuery,
    rows: NDArray[np.int32],
    chosen: list[int],
    holdout_ids: list[int],
) -> int:
    """How many who are hidden would have been looked at: they rank above the last who was."""
    hidden = _above(index.hidden_of(wanted), index, query)
    if query.top is None or len(chosen) + len(holdout_ids) < query.top:
        return len(hidden)
    last = index.rank(wanted, int(rows[max([*chosen[-1:], *holdout_ids[-1:]])]))
    return sum(index.rank(wanted, int(row)) < last for row in hidden)
