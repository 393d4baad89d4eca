"""Changes of segment as events: one when a customer has stayed long enough, each with an id that never changes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from activation.deliveries.audience_rows import ReachedPeople, identity_of
from activation.deliveries.destination import ChangedSegment, Destination
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.field_values import codes_of, field_columns
from activation.deliveries.segment_ledger import SegmentEvent, SegmentLedger, Stand
from activation.deliveries.transport import Transport, without_names
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import keyed
from scoring.audiences.addressable import addressable_rows
from scoring.audiences.snapshot import SegmentSnapshot
from scoring.segments.policy import Policy


@dataclass(frozen=True, slots=True)
class StandNow:
    """Where a customer is on the day."""

    row: int
    customer_id: str
    segment: str | None
    address: str


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
    codes, emails = codes_of(snapshot.rows), people.contacts.emails
    return {keyed(people.key, ids[row]): StandNow(row, ids[row], codes[row], emails[ids[row]]) for row in chosen.rows}


def plan_changes(
    ledger: SegmentLedger,
    now: Mapping[bytes, StandNow],
    audience: Collection[bytes] | None,
    policy: Policy,
    as_of: date,
    *,
    keep: bool,
) -> list[SegmentEvent]:
    """The changes that the destination has not heard of.

    A change counts once the segment was another for the minimum stay of both: who is back by then has not changed. One
    that may have arrived without an answer stays as it was, and goes before any other of that customer.

    Args:
        ledger: What it has heard.
        now: Where customers are who may be addressed.
        audience: Of whose changes alone it hears, from their entry to their exit; None: of everybody's.
        policy: Whose minimum stays hold.
        as_of: The day.
        keep: Whether what is found is noted; a plan alone notes nothing.

    Raises:
        LedgerError: The ledger cannot be read or written.
    """
    under_way = {event.who: event for event in ledger.events()}
    barred = [event for who, event in under_way.items() if who not in now]
    stands, listeners = ledger.stands(), ledger.listeners()
    found, silent = list[SegmentEvent](), dict[bytes, Stand]()
    for who, one in now.items():
        stand = stands.get(who)
        if who in under_way:
            found.append(under_way[who])
        elif stand is None:
            silent[who] = Stand(one.segment, as_of.isoformat(), 0)
        elif stand.segment != one.segment and as_of >= date.fromisoformat(stand.since) + _stay(policy, stand, one):
            event = SegmentEvent(who, stand.segment, one.segment, as_of.isoformat(), stand.n + 1)
            if audience is None or who in audience or who in listeners:
                found.append(event)
            else:
                silent[who] = Stand(event.after, event.since, stand.n)
    if keep:
        ledger.acknowledge(barred)  # their numbers are not given again
        ledger.plan(found, silent, audience or ())
    return found


@dataclass(frozen=True, slots=True)
class ChangesToSend:
    """The changes that are on their way, and what is known of them."""

    home: Path
    file: DestinationFile
    ledger: SegmentLedger
    snapshot: SegmentSnapshot
    now: Mapping[bytes, StandNow]
    audience: frozenset[bytes]

    def send(self, destination: Destination, transport: Transport, refused: Counter[str]) -> int:
        """Sends them; returns how many the destination took, and counts the reasons of those that are not for it.

        Raises as `Sync.run`, and BundleError.
        """
        events = [event for event in self.ledger.events() if event.who in self.now]
        made, taken = self._changes(events), 0
        for start in range(0, len(events), destination.changes_at_once):
            end = start + destination.changes_at_once
            some, changes = events[start:end], made[start:end]
            stated = "".join(change.id for change in changes)
            identity = hashlib.sha256(f"{self.file.name} changes {stated}".encode()).hexdigest()[:32]
            self.ledger.mark_leaving(some, at=transport.clock.now().timestamp())
            reasons = destination.send_changes(identity, changes, transport)
            self.ledger.acknowledge(some, gone=[one.who for one in some if one.who not in self.audience])
            refused.update(without_names(reason) for reason in reasons.values())
            taken += len(some) - len(reasons)
        return taken

    def _changes(self, events: Sequence[SegmentEvent]) -> list[ChangedSegment]:
        facts, unsure = self.snapshot.facts, self.ledger.unsure()
        versions = {**facts["models"], "policy": facts["policy"]}
        use_case = self.file.audience.use_case or next(iter(facts["models"]))
        asked = self.file.audience.model_copy(update={"fields": {"reasons": "why"}})
        rows = [self.now[event.who].row for event in events]
        whys = field_columns(self.home, self.snapshot, rows, asked, use_case)["why"]
        return [
            ChangedSegment(
                id=f"{self.now[event.who].customer_id}-{event.n}",
                customer_id=self.now[event.who].customer_id,
                key=event.who.hex()[:32],
                address=self.now[event.who].address,
                before=event.before,
                after=event.after,
                at=event.since,
                why=str(why or ""),
                versions=versions,
                unsure=event.who in unsure,
            )
            for event, why in zip(events, whys, strict=True)
        ]


def _stay(policy: Policy, stand: Stand, now: StandNow) -> timedelta:
    segments = (policy.by_code.get(code or "") for code in (stand.segment, now.segment))
    return max((one.minimum_stay for one in segments if one is not None), default=timedelta())
