"""Changes of segment as events: one when a customer has stayed long enough, each with an id that never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from activation.deliveries.audience_rows import ReachedPeople, identity_of
from activation.deliveries.destination import ChangedSegment, Destination
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.field_values import codes_of, field_columns
from activation.deliveries.ledger import DeliveryLedger, SegmentEvent, Stand
from activation.deliveries.transport import Transport
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import keyed
from scoring.audiences.addressable import addressable_rows
from scoring.audiences.snapshot import SegmentSnapshot
from scoring.segments.policy import Policy

AT_ONCE = 500  # changes of a call


@dataclass(frozen=True, slots=True)
class StandNow:
    """Where a customer is on the day."""

    row: int
    customer_id: str
    segment: str | None


def stands_now(
    home: Path, file: DestinationFile, snapshot: SegmentSnapshot, people: ReachedPeople
) -> dict[bytes, StandNow]:
    """By keyed hash everybody of a day who may be addressed; the hold-out is left out as it is of the audience."""
    audience, ids = file.audience, snapshot.column(CUSTOMER_ID)
    chosen = addressable_rows(
        home,
        snapshot,
        range(len(ids)),
        contacts=people.contacts,
        listed=identity_of(file),
        of=(None, audience.segment),
        holdout=audience.holdout,
        salt=audience.salt,
    )
    codes = codes_of(snapshot.rows)
    return {keyed(people.key, ids[row]): StandNow(row, ids[row], codes[row]) for row in chosen.rows}


def plan_changes(
    ledger: DeliveryLedger, now: Mapping[bytes, StandNow], policy: Policy, as_of: date, *, keep: bool
) -> list[SegmentEvent]:
    """The changes that the destination has not heard of.

    A change counts once the segment was another for the minimum stay of both: who is back by then has not changed. One
    that may have arrived without an answer stays as it was, and goes before any other of that customer.

    Args:
        ledger: What it has heard.
        now: Where customers are who may be addressed.
        policy: Whose minimum stays hold.
        as_of: The day.
        keep: Whether what is found is noted; a plan alone notes nothing.

    Raises:
        LedgerError: The ledger cannot be read or written.
    """
    under_way = {event.who: event for event in ledger.events()}
    barred = [event for who, event in under_way.items() if who not in now]
    stands, found, first = ledger.stands(), list[SegmentEvent](), dict[bytes, Stand]()
    for who, one in now.items():
        stand = stands.get(who)
        if who in under_way:
            found.append(under_way[who])
        elif stand is None:
            first[who] = Stand(one.segment, as_of.isoformat(), 0)
        elif stand.segment != one.segment and as_of >= date.fromisoformat(stand.since) + _stay(policy, stand, one):
            found.append(SegmentEvent(who, stand.segment, one.segment, as_of.isoformat(), stand.n + 1))
    if keep:
        ledger.acknowledge_events(barred)  # their numbers are not given again
        ledger.begin_stands(first)
        ledger.plan_events(found)
    return found


def send_changes(
    home: Path,
    file: DestinationFile,
    ledger: DeliveryLedger,
    snapshot: SegmentSnapshot,
    now: Mapping[bytes, StandNow],
    destination: Destination,
    transport: Transport,
) -> int:
    """Sends what is planned; returns how many changes the destination took. Raises as `Sync.run`, and BundleError."""
    events = [event for event in ledger.events() if event.who in now]
    for start in range(0, len(events), AT_ONCE):
        some = events[start : start + AT_ONCE]
        changes = _changes(home, file, snapshot, now, some)
        stated = "".join(change.id for change in changes)
        identity = hashlib.sha256(f"{file.name} changes {stated}".encode()).hexdigest()[:32]
        destination.send_changes(identity, changes, transport)
        ledger.acknowledge_events(some)
    return len(events)


def _stay(policy: Policy, stand: Stand, now: StandNow) -> timedelta:
    segments = (policy.by_code.get(code or "") for code in (stand.segment, now.segment))
    return max((one.minimum_stay for one in segments if one is not None), default=timedelta())


def _changes(
    home: Path,
    file: DestinationFile,
    snapshot: SegmentSnapshot,
    now: Mapping[bytes, StandNow],
    events: Sequence[SegmentEvent],
) -> list[ChangedSegment]:
    versions = {**snapshot.facts["models"], "policy": snapshot.facts["policy"]}
    use_case = file.audience.use_case or next(iter(snapshot.facts["models"]))
    asked = file.audience.model_copy(update={"fields": {"reasons": "why"}})
    whys = field_columns(home, snapshot, [now[event.who].row for event in events], asked, use_case)["why"]
    return [
        ChangedSegment(
            id=f"{now[event.who].customer_id}-{event.n}",
            customer_id=now[event.who].customer_id,
            key=event.who.hex()[:32],
            before=event.before,
            after=event.after,
            at=event.since,
            why=str(why or ""),
            versions=versions,
        )
        for event, why in zip(events, whys, strict=True)
    ]
