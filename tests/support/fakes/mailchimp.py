"""Mailchimp: an audience whose members have a status of their own, merge fields and tags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.support.fakes.base import FakeVendor, RefusedError, Reply

_MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$"
_MEMBER = {
    "type": "object",
    "required": ["email_address"],
    "additionalProperties": False,
    "properties": {
        "email_address": {"type": "string", "minLength": 3},
        "status": {"enum": ["subscribed", "unsubscribed", "cleaned", "pending", "transactional"]},
        "merge_fields": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z0-9_]{1,10}$"},
            "additionalProperties": {"anyOf": [{"type": "string", "maxLength": 255}, {"type": "number"}]},
        },
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1}},
    },
}


class FakeMailchimp(FakeVendor):
    """One audience, `L1`."""

    schemas: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "batch": {
            "type": "object",
            "required": ["members"],
            "additionalProperties": False,
            "properties": {
                "members": {"type": "array", "minItems": 1, "maxItems": 500, "items": _MEMBER},
                "update_existing": {"type": "boolean"},
                "sync_tags": {"type": "boolean"},
            },
        },
        "event": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string", "minLength": 2, "maxLength": 30},
                "properties": {"type": "object", "additionalProperties": {"type": "string"}},
                "is_syncing": {"type": "boolean"},
                "occurred_at": {"type": "string", "pattern": _MOMENT},
            },
        },
        "segment": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "members_to_add": {"type": "array", "maxItems": 500, "items": {"type": "string"}},
                "members_to_remove": {"type": "array", "maxItems": 500, "items": {"type": "string"}},
            },
        },
        "tags": {
            "type": "object",
            "required": ["tags"],
            "additionalProperties": False,
            "properties": {
                "tags": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "status"],
                        "properties": {"name": {"type": "string"}, "status": {"enum": ["active", "inactive"]}},
                    },
                }
            },
        },
    }

    def __init__(self, subscribed: list[str], *, tag: str = "dest") -> None:
        super().__init__()
        self.tag = tag
        self.people: dict[str, dict[str, Any]] = {
            _hash(one): {"email": one, "status": "subscribed", "fields": {}, "tags": set()} for one in subscribed
        }
        self.heard: list[tuple[str, dict[str, Any]]] = []  # events, by member
        self.bad: set[str] = set()  # addresses for which a whole batch is refused

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        """What an audience does."""
        path = path.removeprefix("/3.0/lists/")
        if not path.startswith("L1"):
            raise RefusedError(404, {"title": "Resource Not Found", "status": 404})
        rest = path.removeprefix("L1").strip("/")
        if method == "POST" and not rest:
            self.check("batch", body)
            return self._batch(body)
        if rest == "tag-search":
            known = any(query["name"] in one["tags"] for one in self.people.values())
            return 200, {"tags": [{"id": 7, "name": self.tag}] if known and query["name"] == self.tag else []}
        if rest == "members":
            found = [one for one in self.people.values() if one["status"] == query["status"]]
            return 200, {"members": _page(found, query)}
        if rest == "segments/7/members":
            return 200, {"members": _page([one for one in self.people.values() if self.tag in one["tags"]], query)}
        if method == "POST" and rest == "segments/7":
            self.check("segment", body)
            return self._segment(body)
        if named := re.fullmatch("members/([0-9a-f]{32})/events", rest):
            return self._event(named[1], method, body)
        if named := re.fullmatch("members/([0-9a-f]{32})/tags", rest):
            self.check("tags", body)
            if named[1] not in self.people:
                raise RefusedError(404, {"title": "Resource Not Found", "status": 404})
            for tag in body["tags"]:
                change = self.people[named[1]]["tags"]
                (change.discard if tag["status"] == "inactive" else change.add)(tag["name"])
            return 204, None
        raise RefusedError(404, {"title": "Resource Not Found", "status": 404})

    def _batch(self, body: Any) -> Reply:
        if any(one["email_address"] in self.bad for one in body["members"]):
            raise RefusedError(400, {"title": "Invalid Resource", "detail": "One of them is malformed."})
        updated, errors = [], []
        for one in body["members"]:
            person = self.people.get(_hash(one["email_address"]))
            if person is None:
                errors.append(
                    {"email_address": one["email_address"], "error": f"{one['email_address']} needs a status"}
                )
                continue
            if body.get("update_existing"):
                person["fields"] |= one.get("merge_fields", {})
                person["tags"] |= set(one.get("tags", ()))
                person["status"] = one.get("status", person["status"])
            updated.append(_shown(person))
        return 200, {"new_members": [], "updated_members": updated, "errors": errors, "error_count": len(errors)}

    def _event(self, member: str, method: str, body: Any) -> Reply:
        if member not in self.people:
            raise RefusedError(404, {"title": "Resource Not Found", "status": 404})
        if method == "GET":
            found = [one for who, one in self.heard if who == member]
            return 200, {"events": found[::-1], "total_items": len(found)}
        self.check("event", body)
        self.heard.append((member, {"name": body["name"], "properties": body.get("properties", {})}))
        return 204, None

    def events(self) -> list[dict[str, str]]:
        """What it heard of changes."""
        return [one["properties"] for _, one in self.heard]

    def _segment(self, body: Any) -> Reply:
        removed = []
        for address in body.get("members_to_remove", ()):
            person = self.people.get(_hash(address))
            if person and self.tag in person["tags"]:
                person["tags"].discard(self.tag)
                removed.append(_shown(person))
        return 200, {"members_added": [], "members_removed": removed, "errors": []}

    def listed_rows(self) -> list[tuple[str, dict[str, Any]]]:
        """Who has the tag."""
        return [(one["email"], one["fields"]) for one in self.people.values() if self.tag in one["tags"]]

    def put_in(self, address: str) -> None:
        """Gives the tag to a subscriber."""
        fresh = {"email": address, "status": "subscribed", "fields": {}, "tags": set()}
        self.people.setdefault(_hash(address), fresh)["tags"].add(self.tag)

    def take_out(self, address: str) -> None:
        """Takes the tag off."""
        self.people[_hash(address)]["tags"].discard(self.tag)

    def unsubscribe(self, address: str) -> None:
        """By the link in a mail."""
        self.people[_hash(address)]["status"] = "unsubscribed"


def _hash(address: str) -> str:
    return hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()


def _shown(person: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": _hash(person["email"]), "email_address": person["email"], "status": person["status"]}


def _page(found: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    start = int(query["offset"])
    return [_shown(one) for one in found[start : start + int(query["count"])]]
