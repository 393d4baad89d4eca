"""What Penchant sends by itself, as OpenAPI's `webhooks`: changes of a stream, batches of a delivery, alerts.

These messages are made by streams, by `activation/destinations/webhook.py` and by `monitoring/delivery`; here they are
described, and `tests/system/test_described_webhooks.py` holds what those send against it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Schema = dict[str, Any]
SIGNED = """Each request is signed. Take the body as bytes, before it is parsed, and

1. compute HMAC-SHA256, under the secret that both sides know, of `X-Penchant-Timestamp`, a dot and the body;
2. compare `sha256=` and its hexadecimal digits with `X-Penchant-Signature`, in constant time;
3. refuse a timestamp more than five minutes old;
4. take each `X-Penchant-Id` once: a message comes at least once, each time with the same id.

Any 2xx says that it was taken. After a 408, 425, 429 or 5xx it is sent again, after `Retry-After` where that is given.
"""
_VERIFY = """import hashlib
import hmac
import time


def is_ours(secret: str, headers: dict[str, str], body: bytes) -> bool:
    moment = headers["x-penchant-timestamp"]
    mac = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    signed = hmac.compare_digest("sha256=" + mac.hexdigest(), headers["x-penchant-signature"])
    return signed and abs(time.time() - int(moment)) < 300
"""
CustomerText = Annotated[str, Meta(description="The customer's id.", examples=["c1"])]
SegmentOrNone = Annotated[str | None, Meta(description="A segment's code; null: none.", examples=["at_risk"])]
EventId = Annotated[str, Meta(description="The same at every delivery: the customer and a number.", examples=["c1-3"])]
VersionsByName = Annotated[dict[str, str], Meta(description="What scored and assigned, by name.")]
AudienceName = Annotated[str, Meta(description="The destination's name.", examples=["newsletter"])]
BatchId = Annotated[str, Meta(description="The batch's, the same at every try; `X-Penchant-Id` too.")]


class StreamChange(Struct, kw_only=True):
    """A change that a stream found: one message each, in the order of a customer's events."""

    id: EventId
    type: Literal["segment.changed", "score.changed"]
    customer_id: CustomerText
    before: str | float | None = msgspec.field(name="from")
    after: str | float | None = msgspec.field(name="to")
    score: float | None = None
    at: Annotated[str, Meta(description="The moment of the event, ISO 8601, UTC.")]
    caused_by: Annotated[str | None, Meta(description="The event that changed it, by its id.")] = None
    versions: VersionsByName = {}


class AudienceSegmentChange(Struct, kw_only=True):
    """A change of segment that lasted for the minimum stay of both segments."""

    id: EventId
    type: Literal["segment.changed"]
    customer_id: CustomerText
    key: Annotated[str, Meta(description="What stands for the customer at the receiver.")]
    before: SegmentOrNone = msgspec.field(name="from")
    after: SegmentOrNone = msgspec.field(name="to")
    at: Annotated[str, Meta(description="The day, ISO 8601.", examples=["2026-03-01"])]
    why: Annotated[str, Meta(description="A sentence.")]
    versions: VersionsByName = {}


class AudienceSegmentChanges(Struct, kw_only=True):
    """Changes of segment of an audience's members."""

    id: BatchId
    type: Literal["segment.changed"]
    audience: AudienceName
    events: list[AudienceSegmentChange]


class AudienceMember(Struct, kw_only=True):
    """A member to keep, with the fields that the destination names; of one to remove the key alone."""

    key: Annotated[str, Meta(description="What stands for the customer, the same at every sync.")]
    customer_id: CustomerText = ""
    email: Annotated[str, Meta(description="Where the audience is one for mail.")] = ""
    address: Annotated[str, Meta(description="Where it is of another channel.")] = ""
    phone: str = ""


class AudienceBatch(Struct, kw_only=True):
    """Up to 500 members of an audience."""

    id: BatchId
    type: Literal["audience.upsert", "audience.remove"]
    audience: AudienceName
    members: list[AudienceMember]


class AudienceRefusal(Struct, kw_only=True):
    """A member whom the receiver refuses."""

    key: str
    reason: str = ""


class AudienceTaken(Struct, kw_only=True):
    """What a receiver may answer; nothing: it took every member."""

    rejected: list[AudienceRefusal] = []


class AlertNotice(Struct, kw_only=True):
    """An alert of monitoring; it names no customer."""

    id: str
    use_case: str
    state: Literal["fine", "watch", "distrust"]
    code: str
    since: str
    text: Annotated[dict[str, str], Meta(description="What is wrong, by language.")]
    action: Annotated[dict[str, str], Meta(description="What to do, by language.")]
    subject: str | None = None
    damage: float | None = None
    who: str | None = None


TYPES = (StreamChange, AudienceSegmentChanges, AudienceBatch, AudienceTaken, AlertNotice)


def webhooks() -> Schema:
    """Every webhook by its name."""
    moved = "A customer's {} changed, as a stream of events found it"
    return {
        "segment.changed": _sent("onSegmentChanged", moved.format("segment"), "StreamChange"),
        "score.changed": _sent("onScoreChanged", moved.format("score"), "StreamChange"),
        "audience.upsert": _sent("onAudienceUpsert", "Members to add or to update", "AudienceBatch", "AudienceTaken"),
        "audience.remove": _sent("onAudienceRemove", "Members to remove", "AudienceBatch", "AudienceTaken"),
        "audience.segment.changed": _sent("onAudienceChanged", "Changes of segment, by day", "AudienceSegmentChanges"),
        "alert": _sent("onAlert", "An alert was opened or has ended", "AlertNotice"),
    }


def _sent(operation: str, summary: str, body: str, answer: str | None = None) -> Schema:
    taken: Schema = {"description": "Taken"}
    if answer:
        taken["content"] = {"application/json": {"schema": _ref(answer)}}
    return {
        "post": {
            "operationId": operation,
            "summary": summary,
            "description": SIGNED,
            "parameters": [
                _header("X-Penchant-Id", "The same at every try.", {"type": "string"}),
                _header("X-Penchant-Timestamp", "Seconds since the epoch.", {"type": "string", "pattern": "^[0-9]+$"}),
                _header(
                    "X-Penchant-Signature",
                    "`sha256=` and the HMAC-SHA256 of timestamp, dot and body.",
                    {"type": "string", "pattern": "^sha256=[0-9a-f]{64}$"},
                ),
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(body)}}},
            "responses": {"2XX": taken},
            "x-codeSamples": [{"lang": "Python", "label": "Verify the signature", "source": _VERIFY}],
        }
    }


def _header(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
