"""A receiver of signed batches over HTTP: members to keep and to remove, and changes of segment.

`X-Penchant-Id` is the batch's, the same at every try. `X-Penchant-Signature` is `sha256=` and the HMAC-SHA256, under
the receiver's secret, of `X-Penchant-Timestamp` (seconds since the epoch), a dot, and the body.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from activation.deliveries.audience_rows import FieldValue, MemberRow
from activation.deliveries.destination import (
    BatchRow,
    ChangedSegment,
    DeliveryBatch,
    PulledBack,
    RowAnswers,
    Stopped,
)
from activation.deliveries.destination_file import DestinationFile
from activation.deliveries.ledger import Operation
from activation.deliveries.transport import DeliveryClock, DeliveryStoppedError, Transport
from scoring.audiences.contacts import CHANNEL
from scoring.audiences.deliveries.contact_stops import StopKind


class ReceiverRejection(msgspec.Struct, frozen=True):
    """A row that a receiver refuses."""

    key: str
    reason: str = "refused without a reason"


class ReceiverAnswer(msgspec.Struct, frozen=True):
    """What a receiver may say of a batch; nothing means that it took all of it."""

    rejected: tuple[ReceiverRejection, ...] = ()


class ReceiverStop(msgspec.Struct, frozen=True):
    """Somebody who is sent no more."""

    kind: StopKind
    key: str | None = None
    address: str | None = None


class ReceiverPull(msgspec.Struct, frozen=True):
    """What a receiver says where `back` asks it."""

    stops: tuple[ReceiverStop, ...] = ()


class WebhookDestination:
    """A receiver of one's own."""

    sizes: Mapping[Operation, tuple[int, ...]] = {"remove": (500,), "upsert": (500,)}
    changes_at_once, hears_of_everybody = 500, True

    def __init__(self, file: DestinationFile, url: str, secret: str) -> None:
        """Keeps where it stands, and the secret that both sides know."""
        self._name, self._url, self._secret = file.name, url, secret
        self._back, self._channel = file.destination.back, file.consent.channel

    def remote_of(self, row: MemberRow) -> str | None:
        """The key that stands in each batch."""
        return row.key

    def send(self, batch: DeliveryBatch, transport: Transport) -> RowAnswers:
        """Posts a batch; a 2xx took every row but those that its answer names."""
        rows = [self._member(one) for one in batch.rows]
        body = {"id": batch.id, "type": f"audience.{batch.op}", "audience": self._name, "members": rows}
        answer = transport.ask(
            "POST", self._url, body=body, headers=_identified(batch.id), fresh=self._signer(transport.clock)
        )
        said = _decoded(answer.content) if answer.content.strip() else ReceiverAnswer()
        known = {one.key: one.who for one in batch.rows}
        rejected = {known[one.key]: one.reason for one in said.rejected if one.key in known}
        return RowAnswers(frozenset(known.values()) - rejected.keys(), rejected)

    def send_changes(self, identity: str, changes: Sequence[ChangedSegment], transport: Transport) -> Mapping[str, str]:
        """Posts changes of segment."""
        events = [
            {
                "id": one.id,
                "type": "segment.changed",
                "customer_id": one.customer_id,
                "key": one.key,
                "from": one.before,
                "to": one.after,
                "at": one.at,
                "why": one.why,
                "versions": one.versions,
            }
            for one in changes
        ]
        body = {"id": identity, "type": "segment.changed", "audience": self._name, "events": events}
        transport.ask("POST", self._url, body=body, headers=_identified(identity), fresh=self._signer(transport.clock))
        return {}

    def pull(self, since: datetime | None, transport: Transport) -> PulledBack:
        """Asks `back` for stops, where the file states it."""
        if self._back is None:
            return PulledBack()
        address = (
            self._back
            if since is None
            else f"{self._back}{'&' if '?' in self._back else '?'}since={since:%Y-%m-%dT%H:%M:%SZ}"
        )
        answer = transport.ask("GET", address, fresh=self._signer(transport.clock))
        try:
            said = _PULL(answer.content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise DeliveryStoppedError('It must answer {"stops": [...]} where `back` asks, got another.') from None
        return PulledBack([Stopped(one.kind, one.key, one.address) for one in said.stops])

    def _member(self, one: BatchRow) -> dict[str, FieldValue]:
        if one.row is None:
            return {"key": one.key}
        row = one.row
        member: dict[str, FieldValue] = {**row.values, "key": row.key, "customer_id": row.customer_id}
        member["email" if self._channel == CHANNEL else "address"] = row.address
        return {**member, "phone": row.phone} if row.phone else member

    def _signer(self, clock: DeliveryClock) -> Callable[[bytes], Mapping[str, str]]:
        def signed(content: bytes) -> Mapping[str, str]:
            moment = str(int(clock.now().timestamp()))
            mac = hmac.new(self._secret.encode(), f"{moment}.".encode() + content, hashlib.sha256)
            return {"x-penchant-timestamp": moment, "x-penchant-signature": f"sha256={mac.hexdigest()}"}

        return signed


def _identified(identity: str) -> Mapping[str, str]:
    return {"x-penchant-id": identity}


def _decoded(content: bytes) -> ReceiverAnswer:
    try:
        return _DECODE_ANSWER(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ReceiverAnswer()  # another document than ours says nothing of rows


_DECODE_ANSWER = msgspec.json.Decoder(ReceiverAnswer).decode
_PULL = msgspec.json.Decoder(ReceiverPull).decode
