"""Brevo: contacts are imported into a list, and counted as there once the list itself shows them.

An import never states whether somebody is blocked, and never empties an attribute. Who leaves is taken off the list;
nobody is deleted or unblocked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from activation.deliveries.audience_rows import MemberRow
from activation.deliveries.destination import BatchRow, ChangedSegment, DeliveryBatch, PulledBack, RowAnswers, Stopped
from activation.deliveries.ledger import Operation
from activation.deliveries.transport import BatchRefusedError, DeliveryStoppedError, ServerAnswer, Transport
from activation.destinations.vendor import (
    Document,
    VendorAccount,
    called,
    document_of,
    objects_in,
    pages,
    text_in,
    texts_in,
)
from activation.destinations.vendor_changes import BrevoEvents, send_once
from scoring.audiences.deliveries.contact_stops import StopKind

ADDRESS, VERSION = "https://api.brevo.com", "/v3"
AT_ONCE, REMOVED_AT_ONCE = 5_000, 150  # contacts of an import, of a removal
_ALL = 1_000_000_000
_LISTED, _CONTACTS, _BLOCKED = 500, 1_000, 100  # of a page
_LONGEST = 10_000
_LOOKS, _FIRST_LOOK, _LONGEST_LOOK = 40, 0.5, 15.0  # at an import under way, seconds apart
_PROCESSES, _UNDER_WAY, _IMPORT = 50, ("queued", "in_process"), "IMPORTUSER"
_KINDS: Mapping[str, StopKind] = {"hardBounce": "bounce", "contactFlaggedAsSpam": "complaint"}
_NAMES = ("score", "band", "segment", "reasons", "next_step")


class BrevoDestination:
    """One list."""

    sizes: Mapping[Operation, tuple[int, ...]] = {
        "remove": (REMOVED_AT_ONCE,),
        "upsert": (AT_ONCE, _ALL),  # the import, then a look at the list
    }
    changes_at_once, hears_of_everybody = 1, False

    def __init__(self, account: VendorAccount) -> None:
        """Keeps where it stands; nothing is asked yet."""
        self._base, self._id = account.base, int(account.list)
        self._list = f"{account.base}/contacts/lists/{account.list}/contacts"
        self._headers = {"api-key": account.key, "accept": "application/json"}
        self._events = BrevoEvents(account.base, self._headers, account.event)

    def remote_of(self, row: MemberRow) -> str | None:
        """Nothing: Brevo says what it calls a contact once it is there."""

    def send(self, batch: DeliveryBatch, transport: Transport) -> RowAnswers:
        """Imports contacts, looks whether they are there, or takes them off the list."""
        if batch.op == "remove":
            return self._remove(batch.rows, transport)
        return self._import(batch.rows, transport) if batch.stage == 0 else self._look(batch.rows, transport)

    def send_changes(
        self,
        identity: str,  # noqa: ARG002 each has an id of its own
        changes: Sequence[ChangedSegment],
        transport: Transport,
    ) -> Mapping[str, str]:
        """Sends changes as events of contacts, each once as far as the vendor shows them."""
        return send_once(self._events, changes, transport)

    def pull(self, since: datetime | None, transport: Transport) -> PulledBack:
        """Who is blocked or left the list, and who is on it."""
        moment = f"{since:%Y-%m-%dT%H:%M:%S.000Z}" if since else None
        changed = {"modifiedSince": moment} if moment else {}
        contacts = self._pages(transport, f"{self._base}/contacts", "contacts", _CONTACTS, changed)
        stops = [
            Stopped("unsubscribe", text_in(one, "id"), text_in(one, "email"))
            for one in contacts
            if one.get("emailBlacklisted") is True or str(self._id) in texts_in(one, "listUnsubscribed")
        ]
        for one in self._pages(transport, f"{self._base}/smtp/blockedContacts", "contacts", _BLOCKED, {}):
            reason = one.get("reason")
            code = text_in(reason, "code") if isinstance(reason, Mapping) else ""
            stops.append(Stopped(_KINDS.get(code, "unsubscribe"), address=text_in(one, "email")))
        listed = self._pages(transport, self._list, "contacts", _LISTED, {})
        there = {text_in(one, "id"): text_in(one, "email") for one in listed}
        return PulledBack(stops, frozenset(there), there)

    def _import(self, rows: Sequence[BatchRow], transport: Transport) -> RowAnswers:
        body = {
            "jsonBody": [
                {"email": one.row.address, "attributes": called(one.row, _attribute, _LONGEST)}
                for one in rows
                if one.row
            ],
            "listIds": [self._id],
            "updateExistingContacts": True,
            "emptyContactsAttributes": False,
            "disableNotification": True,
        }
        answer = document_of(self._ask(transport, "POST", f"{self._base}/contacts/import", body))
        self._await(text_in(answer, "processId"), transport)
        return RowAnswers(frozenset(one.who for one in rows))

    def _await(self, process: str, transport: Transport) -> None:
        """Waits until an import is done."""
        wait = _FIRST_LOOK
        for _ in range(_LOOKS):
            status = text_in(document_of(self._ask(transport, "GET", f"{self._base}/processes/{process}")), "status")
            if status == "completed":
                return
            if status == "failed":
                raise BatchRefusedError("the import failed")
            transport.clock.sleep(wait)
            wait = min(wait * 2, _LONGEST_LOOK)
        raise DeliveryStoppedError("The import is still under way.")

    def _look(self, rows: Sequence[BatchRow], transport: Transport) -> RowAnswers:
        whom = {one.row.address.strip().casefold(): one.who for one in rows if one.row}
        listed = self._pages(transport, self._list, "contacts", _LISTED, {})
        found = ((whom.get(text_in(one, "email").casefold()), text_in(one, "id")) for one in listed)
        remotes = {who: record for who, record in found if who}
        lacking = {one.who: "it is not on the list after the import" for one in rows if one.who not in remotes}
        return RowAnswers(frozenset(remotes), unsure=lacking, remotes=remotes)

    def _remove(self, rows: Sequence[BatchRow], transport: Transport) -> RowAnswers:
        """Takes contacts off the list; one that is not on it is off it."""
        nameless = [one for one in rows if not one.remote and not one.address]
        known = {one.who: int(one.remote) for one in rows if one.remote}
        known |= self._listed_as(nameless, transport) if nameless else {}
        other = {one.who: one.address for one in rows if not one.remote and one.address}
        named: tuple[tuple[Literal["ids", "emails"], list[int] | list[str]], ...] = (
            ("ids", list(known.values())),
            ("emails", list(other.values())),
        )
        for name, values in named:
            if values:
                self._take_off({name: values}, transport, alone=len(rows) == 1)
        return RowAnswers(frozenset(one.who for one in rows))

    def _listed_as(self, rows: Sequence[BatchRow], transport: Transport) -> dict[bytes, int]:
        """What Brevo calls contacts of whom neither number nor address is known any more, of those on the list.

        An import that is under way may still add them, so none may be.
        """
        found = self._ask(transport, "GET", f"{self._base}/processes?limit={_PROCESSES}&sort=desc")
        begun = [one for one in objects_in(document_of(found), "processes") if text_in(one, "status") in _UNDER_WAY]
        for one in begun:
            if text_in(one, "name") == _IMPORT:
                self._await(text_in(one, "id"), transport)
        listed = self._pages(transport, self._list, "contacts", _LISTED, {})
        there = ((text_in(one, "email"), int(text_in(one, "id"))) for one in listed)
        return {one.who: number for address, number in there for one in rows if one.is_at(address)}

    def _take_off(self, body: object, transport: Transport, *, alone: bool) -> None:
        """Takes contacts off; Brevo refuses those of whom none is on the list, of whom one by one nothing is to do."""
        try:
            self._ask(transport, "POST", f"{self._list}/remove", body)
        except BatchRefusedError as refusal:
            if not alone or "exist" not in str(refusal):
                raise

    def _pages(
        self, transport: Transport, address: str, name: str, size: int, asked: Mapping[str, str]
    ) -> Iterator[Document]:
        return pages(
            lambda seen: document_of(
                self._ask(transport, "GET", f"{address}?{urlencode({**asked, 'limit': size, 'offset': seen})}")
            ),
            name,
            size,
        )

    def _ask(self, transport: Transport, method: str, address: str, body: object = None) -> ServerAnswer:
        return transport.ask(method, address, body=body, headers=self._headers)


def _attribute(name: str) -> str:
    """A name of ours as an attribute; one that is stated stands as it is, in capitals.

    >>> _attribute("next_step"), _attribute("Score_2026")
    ('PENCHANT_NEXT_STEP', 'SCORE_2026')
    """
    return f"PENCHANT_{name.upper()}" if name in _NAMES else name.upper()
