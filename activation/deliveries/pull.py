"""What destinations say goes into the home: who is sent no more, and who is no member there any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from activation.deliveries.audience_rows import ReachedPeople
from activation.deliveries.destination import Destination, PulledBack, Stopped
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.ledger import DeliveryLedger, LedgerMember
from activation.deliveries.transport import Transport
from features.spec.suppression_list import keyed
from scoring.audiences.deliveries.contact_stops import StopKind, add_stops

_PULLED = "pulled"
_OVERLAP = timedelta(hours=1)  # of two pulls: clocks differ
_GRAVEST: Mapping[StopKind, int] = {"complaint": 0, "unsubscribe": 1, "bounce": 2}


@dataclass(frozen=True, slots=True)
class OthersThere:
    """Who was at a destination before a sync and is no member of ours."""

    remotes: frozenset[str] | None = None  # what it calls them; None where it does not say who is there
    addresses: frozenset[bytes] | None = None  # their keyed hashes, where it says so

    def has(self, remote: str | None, address: bytes) -> bool | None:
        """Whether somebody is one of them; None where that is not known yet."""
        if self.remotes is None:
            return False
        if remote is not None:
            return remote in self.remotes
        return None if self.addresses is None else address in self.addresses


@dataclass(frozen=True, slots=True)
class PulledIn:
    """What a pull brought."""

    stops: int  # that are new
    others: OthersThere


def pull_back(
    home: Path,
    file: DestinationFile,
    ledger: DeliveryLedger,
    destination: Destination,
    people: ReachedPeople,
    transport: Transport,
) -> PulledIn:
    """Takes in unsubscribes, complaints and bounces, and members that are gone there.

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
    found = destination.pull(since, transport)
    whom = _whom(found.stops, members, people)
    ranked = sorted(whom, key=lambda pair: _GRAVEST[pair[1]])
    stops: dict[bytes, StopKind] = {}
    for who, kind in ranked:
        stops.setdefault(who, kind)
    new = add_stops(home, file.consent.channel, list(stops.items()), source=file.name, at=begun.timestamp())
    if found.members is not None:
        gone = [who for who, one in members.items() if one.remote is not None and one.remote not in found.members]
        ledger.lose(gone, at=begun.timestamp())
    ledger.note(_PULLED, begun.isoformat())
    return PulledIn(new, _others(found, members.values(), people))


def pulled_at(ledger: DeliveryLedger) -> datetime | None:
    """When a destination was last asked."""
    before = ledger.known(_PULLED)
    return datetime.fromisoformat(before) if before else None


def _others(found: PulledBack, members: Collection[LedgerMember], people: ReachedPeople) -> OthersThere:
    if found.members is None:
        return OthersThere()
    theirs = found.members - {one.remote for one in members}
    if found.addresses is None:
        return OthersThere(theirs)
    return OthersThere(theirs, frozenset(people.hash_of(found.addresses[one]) for one in theirs))


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
