"""Mailchimp: members of an audience get a tag and merge fields; who is subscribed stays their own affair.

A batch never states a status, so that Mailchimp refuses addresses that are no members yet, by name of the reason, and
changes nobody's subscription. Who leaves loses the tag; nobody is deleted.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from activation.deliveries.audience_rows import MemberRow
from activation.deliveries.destination import BatchRow, ChangedSegment, DeliveryBatch, PulledBack, RowAnswers, Stopped
from activation.deliveries.ledger import Operation
from activation.deliveries.transport import ServerAnswer, Transport
from activation.destinations.vendor import Document, VendorAccount, called, document_of, objects_in, pages, text_in
from activation.destinations.vendor_changes import MailchimpEvents, send_once
from scoring.audiences.deliveries.contact_stops import StopKind

VERSION = "/3.0"
AT_ONCE = 500  # members of a call
_PAGE = 1_000
_LONGEST = 255  # characters of a merge field
_NAMES = {"next_step": "NEXTSTEP"}


def vendor_address(key: str) -> str:
    """Where an account stands, which its key says: `...-us6`."""
    return f"https://{key.rpartition('-')[2] or 'us1'}.api.mailchimp.com"


class MailchimpDestination:
    """A tag of one audience."""

    sizes: Mapping[Operation, tuple[int, ...]] = {"remove": (AT_ONCE,), "upsert": (AT_ONCE,)}
    changes_at_once, hears_of_everybody = 1, False

    def __init__(self, account: VendorAccount, tag: str) -> None:
        """Keeps where it stands; nothing is asked yet."""
        self._list, self._tag = f"{account.base}/lists/{quote(account.list, safe='')}", tag
        self._headers = {"authorization": f"Basic {b64encode(f'penchant:{account.key}'.encode()).decode()}"}
        self._events = MailchimpEvents(self._list, self._headers, account.event)

    def remote_of(self, row: MemberRow) -> str | None:
        """What Mailchimp calls a member: the MD5 of the address in lower case."""
        return _member_of(row.address)

    def send(self, batch: DeliveryBatch, transport: Transport) -> RowAnswers:
        """Adds and updates in one call; removes by the tag in one call, and one by one who is not found so."""
        return self._keep(batch.rows, transport) if batch.op == "upsert" else self._remove(batch.rows, transport)

    def send_changes(
        self,
        identity: str,  # noqa: ARG002 each has an id of its own
        changes: Sequence[ChangedSegment],
        transport: Transport,
    ) -> Mapping[str, str]:
        """Sends changes as events of contacts, each once as far as the vendor shows them."""
        return send_once(self._events, changes, transport)

    def pull(self, since: datetime | None, transport: Transport) -> PulledBack:
        """Who unsubscribed, who cannot be reached, and who has the tag."""
        changed = {"since_last_changed": since.isoformat(timespec="seconds")} if since else {}
        asked: tuple[tuple[str, StopKind], ...] = (("unsubscribed", "unsubscribe"), ("cleaned", "bounce"))
        stops = [
            Stopped("complaint" if "abuse" in text_in(one, "unsubscribe_reason").casefold() else kind, *_named(one))
            for status, kind in asked
            for one in self._members(transport, f"{self._list}/members", {"status": status, **changed})
        ]
        segment = self._segment(transport)
        if segment is None:
            return PulledBack(stops, frozenset[str]())
        everybody = {"include_unsubscribed": "true", "include_cleaned": "true"}
        tagged = self._members(transport, f"{self._list}/segments/{segment}/members", everybody)
        return PulledBack(stops, frozenset(text_in(one, "id") for one in tagged))

    def _keep(self, rows: Sequence[BatchRow], transport: Transport) -> RowAnswers:
        members = [
            {
                "email_address": one.row.address,
                "merge_fields": called(one.row, _merge_field, _LONGEST),
                "tags": [self._tag],
            }
            for one in rows
            if one.row
        ]
        body = {"members": members, "update_existing": True}
        answer = document_of(self._ask(transport, "POST", f"{self._list}?skip_merge_validation=true", body))
        whom = {one.row.address.casefold(): one.who for one in rows if one.row}
        kept = [one for name in ("new_members", "updated_members") for one in objects_in(answer, name)]
        accepted = {whom.get(text_in(one, "email_address").casefold()) for one in kept} - {None}
        refused = ((whom.get(text_in(one, "email_address").casefold()), one) for one in objects_in(answer, "errors"))
        rejected = {who: text_in(one, "error") or text_in(one, "error_code") for who, one in refused if who}
        return RowAnswers(frozenset(who for who in accepted if who), rejected)

    def _remove(self, rows: Sequence[BatchRow], transport: Transport) -> RowAnswers:
        done = self._remove_by_tag(rows, transport)
        for one in rows:
            member = one.remote or (_member_of(one.address) if one.address else None)
            if one.who not in done and member is not None:
                body = {"tags": [{"name": self._tag, "status": "inactive"}]}
                address = f"{self._list}/members/{member}/tags"
                transport.ask("POST", address, body=body, headers=self._headers, missing=(404,))  # gone is removed
                done.add(one.who)
        return RowAnswers(
            frozenset(done), {one.who: "its address is not known any more" for one in rows if one.who not in done}
        )

    def _remove_by_tag(self, rows: Sequence[BatchRow], transport: Transport) -> set[bytes]:
        """Those whose address is the one that they were added with."""
        whom = {
            one.address.casefold(): one.who
            for one in rows
            if one.address and one.remote in (None, _member_of(one.address))
        }
        segment = self._segment(transport) if whom else None
        if segment is None:
            return set()
        body = {"members_to_remove": list(whom)}
        answer = document_of(self._ask(transport, "POST", f"{self._list}/segments/{segment}", body))
        removed = (text_in(one, "email_address").casefold() for one in objects_in(answer, "members_removed"))
        return {whom[address] for address in removed if address in whom}

    def _segment(self, transport: Transport) -> str | None:
        """The number of the tag; None where nobody has it yet."""
        address = f"{self._list}/tag-search?{urlencode({'name': self._tag})}"
        found = objects_in(document_of(self._ask(transport, "GET", address)), "tags")
        return next((text_in(one, "id") for one in found if text_in(one, "name") == self._tag), None)

    def _members(self, transport: Transport, address: str, asked: Mapping[str, str]) -> Iterator[Document]:
        fields = "members.id,members.email_address,members.unsubscribe_reason"
        return pages(
            lambda seen: document_of(
                self._ask(
                    transport,
                    "GET",
                    f"{address}?{urlencode({**asked, 'fields': fields, 'count': _PAGE, 'offset': seen})}",
                )
            ),
            "members",
            _PAGE,
        )

    def _ask(self, transport: Transport, method: str, address: str, body: object = None) -> ServerAnswer:
        return transport.ask(method, address, body=body, headers=self._headers)


def _named(member: Document) -> tuple[str, str]:
    return text_in(member, "id"), text_in(member, "email_address")


def _member_of(address: str) -> str:
    return hashlib.md5(address.strip().lower().encode(), usedforsecurity=False).hexdigest()


def _merge_field(name: str) -> str:
    """Ten capitals at most.

    >>> _merge_field("next_step"), _merge_field("score")
    ('NEXTSTEP', 'SCORE')
    """
    return _NAMES.get(name, "".join(one for one in name.upper() if one.isalnum() or one == "_")[:10])
