"""Who of a segment may be addressed today: consent, objections and erasures heeded, with counts of who may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import NotRequired, TypedDict

from features.spec.atomic import write_file
from features.spec.feature import CUSTOMER_ID
from scoring.audiences.audience import (
    AskedOfAll,
    Audience,
    ChosenRows,
    Contacts,
    Suppressed,
    choose_rows,
    open_contacts,
    reason_left_out,
    select_audience,
    with_customers,
)
from scoring.audiences.contacts import CONTACTS, ContactsFile
from scoring.audiences.deliveries.contact_stops import stopped_among
from scoring.audiences.pressure.contact_history import ListIdentity
from scoring.audiences.pressure.first_lists import claimed_of
from scoring.audiences.pressure.restraint import Restraint
from scoring.audiences.snapshot import AudienceError, SegmentSnapshot
from scoring.bundle.bundle import canonical_json
from scoring.privacy.suppression import open_suppression
from scoring.segments.assignment import SEGMENTS_FOLDER


def name_contacts(home: Path, file: ContactsFile) -> Contacts:
    """Records in a home where its contacts are, once they can be read; raises as `open_contacts` does."""
    contacts = open_contacts(file, at=datetime.now(UTC))
    write_file(home / SEGMENTS_FOLDER / CONTACTS, canonical_json(file.to_json()))
    return contacts


def addressees(
    home: Path,
    snapshot: SegmentSnapshot,
    code: str,
    *,
    contacts: Contacts | None,
    suppressed: Suppressed | None = None,
    holdout: float = 0.0,
    salt: str = "",
) -> Audience:
    """As `select_audience`, without those who objected, and those who were erased since the snapshot.

    Whoever [pressure] of run.toml keeps from lists is left out too, unless the list is of ids that address nobody.

    Raises:
        AudienceError: The snapshot has no such segment.
        SuppressionError: The suppression list cannot be read, so nobody may be addressed.
        PressureError: The rules of pressure, or the contact history, cannot be read.
    """
    if code not in snapshot.codes:
        raise AudienceError(f"A segment must be of the snapshot ({', '.join(snapshot.codes)}), got another.")
    barred = _barred(home, snapshot) | _stopped(home, snapshot, contacts)
    if barred:
        suppressed = with_customers(suppressed or Suppressed(), barred, contacts)
    if contacts is None and not holdout:
        return select_audience(snapshot, code, suppressed=suppressed)
    stated = {"policy": snapshot.facts["policy"], "channel": contacts.channel if contacts else None}
    identity = ListIdentity(snapshot.facts["as_of"], code, {**stated, "holdout": holdout, "salt": salt})
    restraint = _restraint(Restraint(home, identity), (None, code), snapshot, contacts, suppressed or Suppressed())
    found = select_audience(
        snapshot, code, contacts=contacts, suppressed=suppressed, kept=restraint.reason, holdout=holdout, salt=salt
    )
    return replace(found, identity=identity)


def addressable_rows(
    home: Path,
    snapshot: SegmentSnapshot,
    rows: Iterable[int],
    *,
    contacts: Contacts,
    listed: ListIdentity | None,
    of: tuple[str | None, str | None] = (None, None),
    top: int | None = None,
    holdout: float = 0.0,
    salt: str = "",
) -> ChosenRows:
    """Which of some rows may be addressed, by the same rules as `addressees`, for a list that lasts.

    Args:
        home: Which has the suppression list, and [pressure].
        snapshot: Where the rows are.
        rows: In their order, of which the first with an address has it.
        contacts: Who agreed, and where they can be reached.
        listed: What the list is in the history of contacts; None: one that was noted there already.
        of: The use case and the segment it is of, by which lists go first.
        top: How many at most, the hold-out among them.
        holdout: The share to hold out of those who could be addressed.
        salt: Which share it is.

    Raises:
        SuppressionError: The suppression list cannot be read, so nobody may be addressed.
        PressureError: The rules of pressure, or the contact history, cannot be read.
    """
    suppressed = with_customers(Suppressed(), _barred(home, snapshot) | _stopped(home, snapshot, contacts), contacts)
    restraint = None
    if listed is not None:
        restraint = _restraint(Restraint(home, listed), of, snapshot, contacts, suppressed)
    asked = AskedOfAll(contacts, suppressed, restraint.reason if restraint else lambda _customer: None)
    return choose_rows(snapshot.column(CUSTOMER_ID), rows, asked, holdout=holdout, salt=salt, top=top)


def _stopped(home: Path, snapshot: SegmentSnapshot, contacts: Contacts | None) -> frozenset[str]:
    """Who asked a tool that sends to be sent no more by the channel, or cannot be reached by it."""
    return stopped_among(home, snapshot.column(CUSTOMER_ID), contacts.channel) if contacts else frozenset()


def _restraint(
    restraint: Restraint,
    of: tuple[str | None, str | None],
    snapshot: SegmentSnapshot,
    contacts: Contacts | None,
    suppressed: Suppressed,
) -> Restraint:
    """What keeps customers from a list, once lists that go first have had their choice."""
    for first in restraint.rules.before(*of) if restraint.rules.limits else ():
        taken = set[str]()

        def reason(customer: str, taken: set[str] = taken) -> str | None:
            return reason_left_out(customer, contacts, suppressed, taken) or restraint.reason(customer)

        restraint.claim(claimed_of(snapshot, first, reason))
    return restraint


class ContactUse(TypedDict, total=False):
    """By which channel customers are addressed, and what for; nothing where they are not."""

    channel: str
    purpose: str


class AudienceCounts(TypedDict):
    """What an audience is of and for, and how many it holds."""

    segment: str
    policy: str
    models: dict[str, str]  # versions by use case
    as_of: str
    internal: bool
    channel: NotRequired[str]
    purpose: NotRequired[str]
    members: int
    written: int
    left_out: dict[str, int]  # by the first reason


def counted(snapshot: SegmentSnapshot, code: str, audience: Audience, contacts: ContactsFile | None) -> AudienceCounts:
    """What an audience is of and for, how many it holds, and how many members were left out by the first reason."""
    use: ContactUse = {"channel": contacts.channel, "purpose": contacts.purpose} if contacts else {}
    left_out: Mapping[str, int] = audience.left_out
    return {
        "segment": code,
        "policy": snapshot.facts["policy"],
        "models": snapshot.facts["models"],
        "as_of": snapshot.facts["as_of"],
        "internal": contacts is None,
        **use,
        "members": len(audience.rows) + sum(left_out.values()),
        "written": len(audience.rows),
        "left_out": dict(left_out),
    }


def _barred(home: Path, snapshot: SegmentSnapshot) -> frozenset[str]:
    listed = open_suppression(home)
    if listed is None:
        return frozenset()
    customers = snapshot.column(CUSTOMER_ID)
    taken = datetime.combine(snapshot.as_of, time.min, UTC).timestamp()
    return listed.among(customers).union(one for one, at in listed.erased(customers).items() if at >= taken)
