"""Whom a destination shall have, from a frozen snapshot through the one export, and what leaves of each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import msgspec

from activation.deliveries.destination_file import AudienceSection, ConsentSection, DestinationFile
from activation.deliveries.field_values import field_columns
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import keyed
from scoring.audiences.addressable import addressable_rows
from scoring.audiences.audience import ChosenRows, Contacts, members_of, open_contacts
from scoring.audiences.campaign import assigned, campaign_named
from scoring.audiences.pressure.contact_history import ListIdentity
from scoring.audiences.snapshot import AudienceError, SegmentSnapshot
from scoring.population.daily_file import check_age, check_age_of
from scoring.population.days import days_of
from scoring.population.read_days import open_checked
from scoring.privacy.id_files import read_ids
from scoring.privacy.suppression import own_key

FieldValue = str | float | int
_REASONS = {  # by the first reason of the export
    "suppressed": "suppressed",
    "no_contact": "no_address",
    "no_email": "no_address",
    "no_consent": "no_consent",
    "withdrawn": "no_consent",
    "holdout": "holdout",
    "control": "holdout",
}
ALWAYS = ("no_consent", "suppressed", "holdout", "no_address")


class NoDayError(AudienceError):
    """There is no day to take an audience of."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One customer as a destination shall have them; what is null is absent."""

    who: bytes  # the keyed hash of the id
    customer_id: str
    address: str  # by the channel of the consent
    phone: str | None
    values: Mapping[str, FieldValue]  # by the destination's own name of a field

    @property
    def key(self) -> str:
        """What names the member there without saying who it is."""
        return self.who.hex()[:32]


class DesiredAudience:
    """All members, each made when it is asked for."""

    def __init__(
        self,
        snapshot: SegmentSnapshot,
        chosen: ChosenRows,
        people: ReachedPeople,
        columns: Mapping[str, Sequence[FieldValue | None]],
    ) -> None:
        """Keeps the chosen rows of a snapshot, and by name a column of what leaves of each of them."""
        self.as_of, self.policy = snapshot.as_of, snapshot.facts["policy"]
        self.models = snapshot.facts["models"]
        self.left_out = left_out_of(chosen.left_out)
        self._people, self._columns = people, columns
        ids = snapshot.column(CUSTOMER_ID)
        self._customers = [ids[row] for row in chosen.rows]
        self._who = [keyed(people.key, customer) for customer in self._customers]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._customers)

    @cached_property
    def marks(self) -> dict[bytes, tuple[str, bytes]]:
        """By keyed hash the digest of what leaves, and the keyed hash of the address."""
        return {who: self._mark(place) for place, who in enumerate(self._who)}

    def forget_marks(self) -> None:
        """Gives back what a plan needed and a sync does not."""
        self.__dict__.pop("marks", None)

    @cached_property
    def _places(self) -> dict[bytes, int]:
        return {who: place for place, who in enumerate(self._who)}

    def row(self, who: bytes) -> MemberRow:
        """One member."""
        return self._row(self._places[who])

    def rows(self) -> Iterable[MemberRow]:
        """All members, in the order of the audience."""
        return map(self._row, range(len(self._customers)))

    @property
    def customers(self) -> list[str]:
        """Their ids."""
        return self._customers

    def _row(self, place: int) -> MemberRow:
        customer = self._customers[place]
        cells = ((name, column[place]) for name, column in self._columns.items())
        values = {name: value for name, value in cells if value is not None}
        address, phone = self._people.contacts.emails[customer], self._people.phones.get(customer)
        return MemberRow(self._who[place], customer, address, phone, values)

    def _mark(self, place: int) -> tuple[str, bytes]:
        row = self._row(place)
        stated = msgspec.json.encode([row.address, row.phone, row.values], order="sorted")
        return hashlib.sha256(self._people.key + stated).hexdigest()[:32], self._people.hash_of(row.address)


@dataclass(frozen=True, slots=True)
class ReachedPeople:
    """Who can be reached, by whose consent, and the key of the home."""

    key: bytes
    contacts: Contacts
    phones: Mapping[str, str]  # numbers of those who agreed to calls or uploads of them

    def hash_of(self, address: str) -> bytes:
        """What stands for an address in the ledger."""
        return keyed(self.key, f"@{address.strip().casefold()}")

    def customers_at(self, address: str) -> list[bytes]:
        """The keyed hashes of everybody with an address."""
        folded = address.strip().casefold()
        found = [one for one, own in self.contacts.emails.items() if own.strip().casefold() == folded]
        return [keyed(self.key, customer) for customer in found]

    def addresses_of(self, wanted: frozenset[bytes]) -> dict[bytes, str]:
        """Where some can be reached, who agreed or not: a removal may have to name them."""
        if not wanted:
            return {}
        found = ((keyed(self.key, customer), address) for customer, address in self.contacts.emails.items())
        return {who: address for who, address in found if who in wanted}


def reached_people(home: Path, consent: ConsentSection, now: datetime) -> ReachedPeople:
    """The contacts of a destination as they stand.

    Raises:
        AudienceError: A column is missing, or rows of a table of consent break a rule.
        BatchError: A file cannot be read.
        SuppressionError: The home's key cannot be read.
    """
    contacts, phones = open_contacts(consent.contacts_file(), at=now), dict[str, str]()
    if consent.has_numbers:
        called = open_contacts(consent.contacts_file(phone=True), at=now)
        phones = {one: number for one, number in called.emails.items() if called.consent.get(one)}
    return ReachedPeople(own_key(home), contacts, phones)


def frozen_snapshot(home: Path, audience: AudienceSection) -> SegmentSnapshot:
    """The snapshot that a destination names, else the day in service.

    Raises:
        NoDayError: There is none.
        StaleDayError: It is older than `max_age` of [deliver] allows.
        AudienceError: It is no snapshot.
        PopulationError: It is damaged.
    """
    if audience.snapshot is not None:
        check_age_of(home, audience.snapshot)
        return open_checked(audience.snapshot)
    days = days_of(home)
    if not days:
        raise NoDayError("An audience must be of a day: run `penchant run`, the home has none.")
    check_age(home, days[-1].manifest.as_of)
    return open_checked(days[-1].folder)


def desired_audience(
    home: Path, file: DestinationFile, snapshot: SegmentSnapshot, people: ReachedPeople
) -> DesiredAudience:
    """Whom a destination shall have.

    Raises:
        AudienceError: The snapshot does not have what the file names.
        BatchError: The list cannot be read.
        UnknownCampaignError: There is no campaign of that id.
        CampaignError: The campaign is not as it was written.
        SuppressionError: The suppression list cannot be read, so nobody may be addressed.
        PressureError: The rules of pressure, or the contact history, cannot be read.
        BundleError: What scored the day is gone, so there are no reasons.
    """
    audience = file.audience
    use_case = audience.use_case or next(iter(snapshot.facts["models"]), "")
    if use_case not in snapshot.facts["models"]:
        known = ", ".join(snapshot.facts["models"])
        raise AudienceError(f"audience.use_case must be of the snapshot ({known}), got another.")
    rows, drawn = _members(home, audience, snapshot, people.key)
    of = (audience.use_case if audience.top else None, audience.segment)
    chosen = addressable_rows(
        home,
        snapshot,
        rows,
        contacts=people.contacts,
        listed=None if audience.list else identity_of(file),
        of=of,
        top=audience.top,
        holdout=audience.holdout,
        salt=audience.salt,
    )
    chosen.left_out.update(drawn)
    return DesiredAudience(snapshot, chosen, people, field_columns(home, snapshot, chosen.rows, audience, use_case))


def identity_of(file: DestinationFile) -> ListIdentity:
    """What a destination is in the history of contacts: one contact, on the day that a customer is added."""
    audience = file.audience
    return ListIdentity("", audience.segment or audience.use_case or "", {"destination": file.name})


def left_out_of(counts: Mapping[str, int]) -> dict[str, int]:
    """Who is left out by the words of a delivery; four of them always stand there."""
    found = Counter[str](dict.fromkeys(ALWAYS, 0))
    for reason, count in counts.items():
        found[_REASONS.get(reason, reason)] += count
    return {reason: count for reason, count in found.items() if count or reason in ALWAYS}


def _members(
    home: Path, audience: AudienceSection, snapshot: SegmentSnapshot, key: bytes
) -> tuple[Sequence[int], Mapping[str, int]]:
    """The rows whom the audience is of, before anybody is left out; and who was by a list made earlier."""
    ids: list[str] = snapshot.column(CUSTOMER_ID)
    if audience.segment is not None:
        if audience.segment not in snapshot.codes:
            raise AudienceError(f"audience.segment must be of the snapshot ({', '.join(snapshot.codes)}), got another.")
        return members_of(snapshot, audience.segment), {}
    if audience.top is not None:
        probability = snapshot.column(f"{audience.use_case}_probability")
        known = [row for row in range(len(ids)) if probability[row] is not None]
        return sorted(known, key=lambda row: -probability[row]), {}
    listed = audience.list or ""
    if not Path(listed).is_absolute():
        arms = assigned(home, campaign := campaign_named(home, listed))
        found = [arms.get(keyed(key, customer)) for customer in ids]
        rows = [row for row, arm in enumerate(found) if arm == "treated"]
        gone = campaign.arms["treated"].n - len(rows)
        return rows, {"holdout": found.count("held_out"), "gone": gone}
    places = {customer: row for row, customer in enumerate(ids)}
    wanted = read_ids(Path(listed))
    rows = [places[customer] for customer in wanted if customer in places]
    return rows, {"gone": len(wanted) - len(rows)}


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)
