"""HubSpot: contacts are written by batch, and a static list has the records of the audience as its members.

Lists take record ids, which writing a contact answers. No property that HubSpot sends or bills by is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from activation.deliveries.audience_rows import MemberRow
from activation.deliveries.destination import BatchRow, ChangedSegment, DeliveryBatch, PulledBack, RowAnswers, Stopped
from activation.deliveries.ledger import Operation
from activation.deliveries.transport import ServerAnswer, Transport
from activation.destinations.vendor import Document, VendorAccount, called, document_of, objects_in, text_in, texts_in
from activation.destinations.vendor_changes import HubspotEvents, send_once

ADDRESS = "https://api.hubapi.com"
AT_ONCE, MEMBERS_AT_ONCE = 100, 10_000  # contacts of a call, members of a call
_PAGE, _FOUND = 250, 200
_LONGEST = 65_536
_OPTED_OUT, _BOUNCED = "hs_email_optout", "hs_email_hard_bounce_reason_enum"


class HubspotDestination:
    """One static list."""

    sizes: Mapping[Operation, tuple[int, ...]] = {
        "remove": (MEMBERS_AT_ONCE,),
        "upsert": (AT_ONCE, MEMBERS_AT_ONCE),  # the contacts, then the list
    }
    changes_at_once, hears_of_everybody = 100, False

    def __init__(self, account: VendorAccount) -> None:
        """Keeps where it stands; nothing is asked yet."""
        self._contacts = f"{account.base}/crm/v3/objects/contacts"
        self._list = f"{account.base}/crm/v3/lists/{quote(account.list, safe='')}/memberships"
        self._headers = {"authorization": f"Bearer {account.key}"}
        self._events = HubspotEvents(account.base, self._headers, account.event)

    def remote_of(self, row: MemberRow) -> str | None:
        """Nothing: HubSpot says what it calls a record once it is written."""

    def send(self, batch: DeliveryBatch, transport: Transport) -> RowAnswers:
        """Writes contacts, or changes the list's members."""
        if batch.op == "remove":
            return self._remove(batch.rows, transport)
        return self._write(batch.rows, transport) if batch.stage == 0 else self._add(batch.rows, transport)

    def send_changes(
        self,
        identity: str,  # noqa: ARG002 each has an id of its own
        changes: Sequence[ChangedSegment],
        transport: Transport,
    ) -> Mapping[str, str]:
        """Sends changes as events of contacts, each once as far as the vendor shows them."""
        return send_once(self._events, changes, transport)

    def pull(self, since: datetime | None, transport: Transport) -> PulledBack:
        """Who opted out of e-mail or cannot be reached, and who is a member."""
        stops = []
        for one in self._stopped(since, transport):
            properties = one.get("properties")
            found = properties if isinstance(properties, Mapping) else {}
            out = text_in(found, _OPTED_OUT) == "true"
            stops.append(Stopped("unsubscribe" if out else "bounce", text_in(one, "id"), _email(one)))
        return PulledBack(stops, frozenset(self._members(transport)))

    def _write(self, rows: Sequence[BatchRow], transport: Transport) -> RowAnswers:
        inputs = [
            {
                "idProperty": "email",
                "id": one.row.address,
                "objectWriteTraceId": one.key,
                "properties": {"email": one.row.address, **_texts(one.row)},
            }
            for one in rows
            if one.row
        ]
        answer = document_of(self._ask(transport, "POST", f"{self._contacts}/batch/upsert", {"inputs": inputs}))
        whom = {one.key: one.who for one in rows} | {one.row.address.casefold(): one.who for one in rows if one.row}
        remotes: dict[bytes, str] = {}
        for result in objects_in(answer, "results"):
            who = whom.get(text_in(result, "objectWriteTraceId")) or whom.get(_email(result).casefold())
            if who and text_in(result, "id"):
                remotes[who] = text_in(result, "id")
        refused = _refused(answer, whom)
        if silent := [one for one in rows if one.who not in remotes and one.who not in refused]:
            remotes |= self._records(silent, transport)  # by which alone it can be removed later
        unsure = {one.who: "its record was not named" for one in silent if one.who not in remotes}
        return RowAnswers(frozenset(remotes), refused, unsure, remotes)

    def _add(self, rows: Sequence[BatchRow], transport: Transport) -> RowAnswers:
        whom = {one.remote: one.who for one in rows if one.remote}
        answer = self._change(transport, add=list(whom), remove=[])
        missing = {whom[one]: "the record is gone" for one in texts_in(answer, "recordIdsMissing") if one in whom}
        return RowAnswers(frozenset(whom.values()) - missing.keys(), missing)

    def _remove(self, rows: Sequence[BatchRow], transport: Transport) -> RowAnswers:
        """Takes records off the list; one without a record was never put there by us, since a list takes records."""
        if records := sorted(one.remote for one in rows if one.remote):
            self._change(transport, add=[], remove=records)
        return RowAnswers(frozenset(one.who for one in rows))

    def _records(self, rows: Sequence[BatchRow], transport: Transport) -> dict[bytes, str]:
        """The records of contacts, of those that have one."""
        whom = {one.row.address.casefold(): one.who for one in rows if one.row}
        body = {
            "idProperty": "email",
            "inputs": [{"id": one.row.address} for one in rows if one.row],
            "properties": ["email"],
            "propertiesWithHistory": [],
        }
        answer = document_of(self._ask(transport, "POST", f"{self._contacts}/batch/read", body))
        found: dict[bytes, str] = {}
        for one in objects_in(answer, "results"):
            if (who := whom.get(_email(one).casefold())) and text_in(one, "id"):
                found[who] = text_in(one, "id")
        return found

    def _change(self, transport: Transport, *, add: list[str], remove: list[str]) -> Document:
        body = {"recordIdsToAdd": add, "recordIdsToRemove": remove}
        return document_of(self._ask(transport, "PUT", f"{self._list}/add-and-remove", body))

    def _stopped(self, since: datetime | None, transport: Transport) -> Iterator[Document]:
        """Contacts who opted out or bounced, in order of record: a search gives so many alone, so it is asked anew."""
        moment = str(int(since.timestamp() * 1000)) if since else ""
        changed = [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": moment}] if since else []
        last = "0"
        while True:
            after = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
            optout = {"propertyName": _OPTED_OUT, "operator": "EQ", "value": "true"}
            bounced = {"propertyName": _BOUNCED, "operator": "HAS_PROPERTY"}
            body = {
                "filterGroups": [{"filters": [one, after, *changed]} for one in (optout, bounced)],
                "sorts": ["hs_object_id"],
                "properties": ["email", _OPTED_OUT, _BOUNCED],
                "limit": _FOUND,
                "after": "0",
            }
            found = objects_in(document_of(self._ask(transport, "POST", f"{self._contacts}/search", body)), "results")
            yield from found
            if len(found) < _FOUND:
                return
            last = text_in(found[-1], "id")

    def _members(self, transport: Transport) -> Iterator[str]:
        after: dict[str, str] = {}
        while True:
            answer = document_of(self._ask(transport, "GET", f"{self._list}?{urlencode({'limit': _PAGE, **after})}"))
            yield from (text_in(one, "recordId") for one in objects_in(answer, "results"))
            paging = answer.get("paging")
            following = paging.get("next") if isinstance(paging, Mapping) else None
            if not isinstance(following, Mapping) or not text_in(following, "after"):
                return
            after = {"after": text_in(following, "after")}

    def _ask(self, transport: Transport, method: str, address: str, body: object = None) -> ServerAnswer:
        return transport.ask(method, address, body=body, headers=self._headers)


def _email(contact: Document) -> str:
    properties = contact.get("properties")
    return text_in(properties, "email") if isinstance(properties, Mapping) else ""


def _refused(answer: Document, whom: Mapping[str, bytes]) -> dict[bytes, str]:
    """The rows that an answer refuses, by its reason."""
    rejected: dict[bytes, str] = {}
    for error in objects_in(answer, "errors"):
        context = error.get("context")
        named = [
            *(texts_in(context, "objectWriteTraceId") if isinstance(context, Mapping) else []),
            *(texts_in(context, "ids") if isinstance(context, Mapping) else []),
        ]
        for one in named:
            if who := whom.get(one) or whom.get(one.casefold()):
                rejected[who] = text_in(error, "message") or "refused without a reason"
    return rejected


def _texts(row: MemberRow) -> dict[str, str]:
    """Properties are texts."""
    return {name: str(value) for name, value in called(row, _property, _LONGEST).items()}


def _property(name: str) -> str:
    """A name of ours as a property; one that is stated stands as it is.

    >>> _property("score"), _property("my_score")
    ('penchant_score', 'my_score')
    """
    return f"penchant_{name}" if name in ("score", "band", "segment", "reasons", "next_step") else name
