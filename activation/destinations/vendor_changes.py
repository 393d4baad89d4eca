"""Changes of segment at vendors, as events of a contact: each is looked for before it is sent a second time.

An event has the change's `id`, `from`, `to`, `why` and `versions` among its properties. Where an answer was lost, or a
sync was killed, the vendor is asked whether the contact has an event of that id; one that it does not show yet is sent
again, so that an event arrives at least once, and whoever acts on it knows it by its id.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote, urlencode

import msgspec

from activation.deliveries.destination import ChangedSegment
from activation.deliveries.transport import TRIES, AnswerLostError, Transport
from activation.destinations.vendor import Document, document_of, objects_in, text_in

EVENT = "segment_changed"  # what the event is called, where the file does not say
_SHOWN = 100  # events of a contact that are looked through, the newest first
_NOBODY = "it is no contact there"


class VendorEvents(Protocol):
    """How one vendor takes events, and shows those of a contact."""

    def post(self, changes: Sequence[ChangedSegment], transport: Transport) -> Mapping[str, str]:
        """Sends events once; by id why some are not for it. Raises AnswerLostError where they may have arrived."""

    def has(self, change: ChangedSegment, transport: Transport) -> bool:
        """Whether an event is there."""


def send_once(events: VendorEvents, changes: Sequence[ChangedSegment], transport: Transport) -> Mapping[str, str]:
    """Sends those that are not there; raises as `Transport.ask`."""
    left = [one for one in changes if not (one.unsure and events.has(one, transport))]
    for turn in range(TRIES):
        try:
            return events.post(left, transport) if left else {}
        except AnswerLostError:
            if turn + 1 == TRIES:
                raise
            left = [one for one in left if not events.has(one, transport)]
    return {}


class MailchimpEvents:
    """Events of a member, one a call."""

    def __init__(self, address: str, headers: Mapping[str, str], event: str) -> None:
        """Keeps where the list stands."""
        self._list, self._headers, self._event = address, headers, event

    def post(self, changes: Sequence[ChangedSegment], transport: Transport) -> Mapping[str, str]:
        """Sends one; who is no member has no events."""
        refused = {}
        for one in changes:
            body = {"name": self._event, "properties": _properties(one), "occurred_at": _moment(one)}
            answer = transport.ask("POST", self._of(one), body=body, headers=self._headers, missing=(404,), twice=False)
            if answer.status == 404:
                refused[one.id] = _NOBODY
        return refused

    def has(self, change: ChangedSegment, transport: Transport) -> bool:
        """Whether the member has it."""
        address = f"{self._of(change)}?{urlencode({'count': _SHOWN})}"
        answer = transport.ask("GET", address, headers=self._headers, missing=(404,))
        return _is_among(change, document_of(answer), "events")

    def _of(self, change: ChangedSegment) -> str:
        folded = change.address.strip().lower().encode()
        return f"{self._list}/members/{hashlib.md5(folded, usedforsecurity=False).hexdigest()}/events"


class BrevoEvents:
    """Events of a contact, one a call."""

    def __init__(self, base: str, headers: Mapping[str, str], event: str) -> None:
        """Keeps where it stands."""
        self._base, self._headers, self._event = base, headers, event

    def post(self, changes: Sequence[ChangedSegment], transport: Transport) -> Mapping[str, str]:
        """Sends one."""
        for one in changes:
            body = {
                "event_name": self._event,
                "event_date": _moment(one),
                "identifiers": {"email_id": one.address},
                "event_properties": _properties(one),
            }
            transport.ask("POST", f"{self._base}/events", body=body, headers=self._headers, twice=False)
        return {}

    def has(self, change: ChangedSegment, transport: Transport) -> bool:
        """Whether the contact has it."""
        address = f"{self._base}/contacts/{quote(change.address, safe='')}"
        contact = document_of(transport.ask("GET", address, headers=self._headers, missing=(404,)))
        if not (number := text_in(contact, "id")):
            return False
        asked = urlencode({"contact_id": number, "event_name": self._event, "limit": _SHOWN})
        answer = transport.ask("GET", f"{self._base}/events?{asked}", headers=self._headers)
        return _is_among(change, document_of(answer), "events", properties="event_properties")


class HubspotEvents:
    """Custom events of a contact, many a call, each with a uuid that follows from its id."""

    def __init__(self, base: str, headers: Mapping[str, str], event: str) -> None:
        """Keeps where it stands; the event is called as HubSpot does, `pe123_segment_changed`."""
        self._base, self._headers, self._event = base, headers, event

    def post(self, changes: Sequence[ChangedSegment], transport: Transport) -> Mapping[str, str]:
        """Sends them together."""
        inputs = [
            {
                "eventName": self._event,
                "email": one.address,
                "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._event} {one.id}")),
                "occurredAt": _moment(one),
                "properties": _properties(one),
            }
            for one in changes
        ]
        address = f"{self._base}/events/v3/send/batch"
        transport.ask("POST", address, body={"inputs": inputs}, headers=self._headers, twice=False)
        return {}

    def has(self, change: ChangedSegment, transport: Transport) -> bool:
        """Whether the contact has it."""
        read = {
            "idProperty": "email",
            "inputs": [{"id": change.address}],
            "properties": ["email"],
            "propertiesWithHistory": [],
        }
        address = f"{self._base}/crm/v3/objects/contacts/batch/read"
        found = objects_in(document_of(transport.ask("POST", address, body=read, headers=self._headers)), "results")
        if not found:
            return False
        record = text_in(found[0], "id")
        asked = {"objectType": "contact", "objectId": record, "eventType": self._event, "limit": _SHOWN}
        answer = transport.ask("GET", f"{self._base}/events/v3/events/?{urlencode(asked)}", headers=self._headers)
        return _is_among(change, document_of(answer), "results")


def _properties(change: ChangedSegment) -> dict[str, str]:
    """What an event says; what is null is absent."""
    versions = msgspec.json.encode(change.versions, order="sorted").decode()
    ends = {"from": change.before, "to": change.after}
    stated = {name: code for name, code in ends.items() if code is not None}
    return {"id": change.id, **stated, "why": change.why, "versions": versions}


def _moment(change: ChangedSegment) -> str:
    return f"{change.at}T00:00:00Z"


def _is_among(change: ChangedSegment, document: Document, name: str, *, properties: str = "properties") -> bool:
    """Whether an event of a document has the change's id."""
    stated = (one.get(properties) for one in objects_in(document, name))
    return any(text_in(one, "id") == change.id for one in stated if isinstance(one, Mapping))
