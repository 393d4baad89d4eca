"""What destinations say goes into the home: who is sent no more, and who is no member there any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from activation.deliveries.audience_rows import ReachedPeople
from activation.deliveries.destination import Destination, Stopped
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.ledger import DeliveryLedger, LedgerMember
from activation.deliveries.transport import Transport
from features.spec.suppression_list import keyed
from scoring.audiences.deliveries.contact_stops import StopKind, add_stops

_PULLED = "pulled"
_OVERLAP = timedelta(hours=1)  # of two pulls: clocks differ
_GRAVEST: Mapping[StopKind, int] = {"complaint": 0, "unsubscribe": 1, "bounce": 2}


def pull_back(
    home: Path,
    file: DestinationFile,
    ledger: DeliveryLedger,
    destination: Destination,
    people: ReachedPeople,
    transport: Transport,
) -> int:
    """Takes in unsubscribes, complaints and bounces, and members that are gone there; returns how many stops are new.

    Raises:
        DeliveryStoppedError: The destination does not say, so nothing may be sent.
        DestinationRefusedError: The same.
        BatchRefusedError: The same.
        LedgerError: The ledger cannot be read or written.
        SuppressionError: What came back cannot be kept.
    """
    begun, members = transport.clock.now(), ledger.members()
    before = ledger.known(_PULLED)
    since = datetime.fromisoformat(before) - _OVERLAP if before else None
    found = destination.pull(since, transport, known=bool(members))
    whom = _whom(found.stops, members, people)
    ranked = sorted(whom, key=lambda pair: _GRAVEST[pair[1]])
    stops: dict[bytes, StopKind] = {}
    for who, kind in ranked:
        stops.setdefault(who, kind)
    new = add_stops(home, file.consent.channel, list(stops.items()), source=file.name, at=begun.timestamp())
    if found.members is not None:
        ledger.lose([who for who, one in members.items() if one.remote is not None and one.remote not in found.members])
    ledger.note(_PULLED, begun.isoformat())
    return new


def pulled_at(ledger: DeliveryLedger) -> datetime | None:
    """When a destination was last asked."""
    before = ledger.known(_PULLED)
    return datetime.fromisoformat(before) if before else None


def _whom(
    stops: Sequence[Stopped], members: Mapping[bytes, LedgerMember], people: ReachedPeople
) -> Iterable[tuple[bytes, StopKind]]:
    """Everybody whom stops are of: by what the destination calls them, and all who share an address."""
    if not stops:
        return
    remotes, hashes = defaultdict[str, list[bytes]](list), defaultdict[bytes, list[bytes]](list)
    for who, member in members.items():
        remotes[member.remote or who.hex()[:32]].append(who)
        hashes[member.address].append(who)
    addresses = defaultdict[str, list[str]](list)
    for customer, address in people.contacts.emails.items():
        addresses[address.strip().casefold()].append(customer)
    for stop in stops:
        found = list(remotes.get(stop.remote or "", ()))
        if stop.address:
            found += hashes.get(people.hash_of(stop.address), ())
            found += [keyed(people.key, one) for one in addresses.get(stop.address.strip().casefold(), ())]
        yield from ((who, stop.kind) for who in dict.fromkeys(found))
