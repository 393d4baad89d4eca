"""A receiver of signed batches, which takes each batch once."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.support.fakes.base import FakeVendor, RefusedError, Reply

_EVENT = ["id", "type", "customer_id", "from", "to", "at", "why", "versions"]


class FakeReceiver(FakeVendor):
    """Members by key."""

    schemas: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "batch": {
            "type": "object",
            "required": ["id", "type", "audience"],
            "properties": {
                "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "type": {"enum": ["audience.upsert", "audience.remove", "segment.changed"]},
                "members": {"type": "array", "minItems": 1, "maxItems": 500, "items": {"required": ["key"]}},
                "events": {"type": "array", "minItems": 1, "items": {"required": _EVENT}},
            },
        }
    }

    def __init__(self, secret: str = "secret") -> None:  # noqa: S107 it is no password
        super().__init__()
        self.secret = secret
        self.kept: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.seen: set[str] = set()
        self.bad: set[str] = set()
        self.stops: list[dict[str, str]] = []

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:  # noqa: ARG002 it has one
        """Takes a batch whose signature holds."""
        given: Mapping[str, str] = self.headers
        signed = f"{given.get('x-penchant-timestamp')}.".encode() + self.content
        mac = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        if given.get("x-penchant-signature") != f"sha256={mac}":
            raise RefusedError(401, {"message": "no signature of ours"})
        if method == "GET":
            return 200, {"stops": self.stops}
        self.check("batch", body)
        if body["id"] != given["x-penchant-id"]:
            raise RefusedError(400, {"message": "two ids"})
        rejected = []
        if body["type"] == "segment.changed" and body["id"] not in self.seen:
            self.events += body["events"]
        for one in body.get("members", ()):
            if one.get("email") in self.bad:
                rejected.append({"key": one["key"], "reason": f"{one['email']} is not one of ours"})
            elif body["type"] == "audience.upsert":
                self.kept[one["key"]] = one
            else:
                self.kept.pop(one["key"], None)
        self.seen.add(body["id"])
        return 200, {"rejected": rejected}

    def listed_rows(self) -> list[tuple[str, dict[str, Any]]]:
        """Who it keeps."""
        return [(one["email"], one) for one in self.kept.values()]

    def put_in(self, address: str) -> None:
        """It has members of its own."""
        self.kept[f"own {address}"] = {"email": address}

    def take_out(self, address: str) -> None:
        """It has no screen of its own."""

    def unsubscribe(self, address: str) -> None:
        """It is said where `back` asks."""
        self.stops.append({"kind": "unsubscribe", "address": address})
