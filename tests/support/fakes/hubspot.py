"""HubSpot: contacts with properties, and one static list of their records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tests.support.fakes.base import FakeVendor, RefusedError, Reply

_TEXTS = {"type": "array", "items": {"type": "string"}}
_AT = "2026-05-01T00:00:00Z"
_TIMES = {"startedAt": _AT, "completedAt": _AT}


class FakeHubspot(FakeVendor):
    """One list, `9`."""

    error = staticmethod(lambda text: {"status": "error", "message": text, "category": "VALIDATION_ERROR"})
    schemas: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "upsert": {
            "type": "object",
            "required": ["inputs"],
            "additionalProperties": False,
            "properties": {
                "inputs": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 100,
                    "items": {
                        "type": "object",
                        "required": ["id", "properties"],
                        "additionalProperties": False,
                        "properties": {
                            "id": {"type": "string"},
                            "idProperty": {"type": "string"},
                            "objectWriteTraceId": {"type": "string"},
                            "properties": {"type": "object", "additionalProperties": {"type": "string"}},
                        },
                    },
                }
            },
        },
        "events": {
            "type": "object",
            "required": ["inputs"],
            "additionalProperties": False,
            "properties": {
                "inputs": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 500,
                    "items": {
                        "type": "object",
                        "required": ["eventName", "properties"],
                        "additionalProperties": False,
                        "properties": {
                            "eventName": {"type": "string", "pattern": "^pe[0-9]+_[a-z0-9_]+$"},
                            "email": {"type": "string"},
                            "objectId": {"type": "string"},
                            "occurredAt": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
                            "uuid": {"type": "string", "pattern": "^[0-9a-f-]{36}$"},
                            "properties": {"type": "object", "additionalProperties": {"type": "string"}},
                        },
                    },
                }
            },
        },
        "memberships": {
            "type": "object",
            "required": ["recordIdsToAdd", "recordIdsToRemove"],
            "additionalProperties": False,
            "properties": {"recordIdsToAdd": _TEXTS, "recordIdsToRemove": _TEXTS},
        },
        "search": {
            "type": "object",
            "required": ["after", "filterGroups", "limit", "properties", "sorts"],
            "properties": {
                "limit": {"type": "integer", "maximum": 200},
                "after": {"type": "string"},
                "sorts": _TEXTS,
                "properties": _TEXTS,
                "filterGroups": {
                    "type": "array",
                    "maxItems": 6,
                    "items": {
                        "type": "object",
                        "required": ["filters"],
                        "properties": {
                            "filters": {"type": "array", "items": {"required": ["propertyName", "operator"]}}
                        },
                    },
                },
            },
        },
        "read": {
            "type": "object",
            "required": ["inputs", "properties", "propertiesWithHistory"],
            "properties": {"inputs": {"type": "array", "maxItems": 100}},
        },
    }

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, dict[str, Any]] = {}  # by record
        self.listed: set[str] = set()
        self.bad: set[str] = set()
        self.heard: list[tuple[str, dict[str, Any]]] = []  # events, by record
        self.silent: set[str] = set()  # addresses of whom an upsert does not answer the record
        self.unread = False  # whether nobody's record can be read
        self._records: dict[str, str] = {}  # by address

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        """What contacts and lists do."""
        if path == "/crm/v3/objects/contacts/batch/upsert":
            self.check("upsert", body)
            return self._upsert(body["inputs"])
        if path == "/crm/v3/objects/contacts/batch/read":
            self.check("read", body)
            asked = [one["id"] for one in body["inputs"]] if not self.unread else []
            known = [self._records[one] for one in asked if one in self._records]
            return 200, {"status": "COMPLETE", "results": [self._shown(one) for one in known], **_TIMES}
        if path == "/crm/v3/objects/contacts/search":
            self.check("search", body)
            return 200, self._search(body)
        if method == "PUT" and path == "/crm/v3/lists/9/memberships/add-and-remove":
            self.check("memberships", body)
            missing = [one for one in body["recordIdsToAdd"] if one not in self.contacts]
            added = [one for one in body["recordIdsToAdd"] if one in self.contacts and one not in self.listed]
            removed = [one for one in body["recordIdsToRemove"] if one in self.listed]
            self.listed |= set(added)
            self.listed -= set(removed)
            return 200, {"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing}
        if path == "/crm/v3/lists/9/memberships":
            found, start = sorted(self.listed, key=int), int(query.get("after", "0"))
            size = int(query["limit"])
            paging = {"paging": {"next": {"after": str(start + size)}}} if start + size < len(found) else {}
            return 200, {
                "results": [{"recordId": one, "membershipTimestamp": _AT} for one in found[start : start + size]],
                **paging,
            }
        if method == "POST" and path == "/events/v3/send/batch":
            self.check("events", body)
            self.heard += [(self._record(one["email"]), one) for one in body["inputs"]]
            return 204, None
        if path == "/events/v3/events/":
            heard = [event for record, event in self.heard if (record, event["eventName"]) == _asked(query)]
            return 200, {"results": [_occurrence(event, query) for event in heard[::-1]]}
        raise RefusedError(404, self.error("nothing here"))

    def _record(self, address: str) -> str:
        """Of a contact, who is made where there is none."""
        record = self._records.setdefault(address, str(1000 + len(self._records)))
        self.contacts.setdefault(record, {"email": address})
        return record

    def events(self) -> list[dict[str, str]]:
        """What it heard of changes."""
        return [one["properties"] for _, one in self.heard]

    def _upsert(self, inputs: list[dict[str, Any]]) -> Reply:
        for one in inputs:
            if one["id"] in self.bad:
                raise RefusedError(400, self.error(f"Property values were not valid: email {one['id']}"))
        if len({one["id"] for one in inputs}) < len(inputs):
            raise RefusedError(400, self.error("Duplicate ids"))
        results = []
        for one in inputs:
            record = self._record(one["id"])
            self.contacts[record] |= one["properties"]
            if one["id"] not in self.silent:
                results.append(self._shown(record) | {"new": True})
        return 200, {"status": "COMPLETE", "results": results, **_TIMES}

    def _search(self, body: Any) -> Any:
        last = int(next(one["value"] for one in body["filterGroups"][0]["filters"] if one["operator"] == "GT"))
        stopped = [
            record
            for record, one in sorted(self.contacts.items(), key=lambda pair: int(pair[0]))
            if int(record) > last
            and (one.get("hs_email_optout") == "true" or "hs_email_hard_bounce_reason_enum" in one)
        ]
        return {"total": len(stopped), "results": [self._shown(one) for one in stopped[: body["limit"]]]}

    def _shown(self, record: str) -> dict[str, Any]:
        return {
            "id": record,
            "properties": self.contacts[record],
            "createdAt": _AT,
            "updatedAt": _AT,
            "archived": False,
        }

    def listed_rows(self) -> list[tuple[str, dict[str, Any]]]:
        """Who is on the list."""
        return [(self.contacts[one]["email"], self.contacts[one]) for one in self.listed]

    def put_in(self, address: str) -> None:
        """Puts a record on the list."""
        self.listed.add(self._record(address))

    def take_out(self, address: str) -> None:
        """Takes a record off the list."""
        self.listed.discard(self._records[address])

    def unsubscribe(self, address: str) -> None:
        """Opts out of all e-mail."""
        self.contacts[self._records[address]]["hs_email_optout"] = "true"


def _asked(query: Mapping[str, str]) -> tuple[str, str]:
    return query["objectId"], query["eventType"]


def _occurrence(event: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": event["uuid"],
        "eventType": event["eventName"],
        "objectType": "CONTACT",
        "objectId": query["objectId"],
        "occurredAt": event["occurredAt"],
        "properties": event["properties"],
    }
