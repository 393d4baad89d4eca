"""Brevo: contacts with attributes, one list, imports that take a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import unquote

from tests.support.fakes.base import FakeVendor, RefusedError, Reply

_AT = "2026-05-01T12:00:00.000+00:00"


class FakeBrevo(FakeVendor):
    """One list, `4`."""

    schemas: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "import": {
            "type": "object",
            "required": ["jsonBody", "listIds"],
            "additionalProperties": False,
            "properties": {
                "jsonBody": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["email"],
                        "additionalProperties": False,
                        "properties": {
                            "email": {"type": "string"},
                            "attributes": {"type": "object", "propertyNames": {"pattern": "^[A-Z0-9_]+$"}},
                        },
                    },
                },
                "listIds": {"type": "array", "minItems": 1, "items": {"type": "integer"}},
                "updateExistingContacts": {"type": "boolean"},
                "emptyContactsAttributes": {"type": "boolean"},
                "disableNotification": {"type": "boolean"},
                "emailBlacklist": {"type": "boolean"},
            },
        },
        "event": {
            "type": "object",
            "required": ["event_name", "identifiers"],
            "additionalProperties": False,
            "properties": {
                "event_name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,255}$"},
                "event_date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
                "identifiers": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": False,
                    "properties": {"email_id": {"type": "string"}, "contact_id": {"type": "integer"}},
                },
                "event_properties": {
                    "type": "object",
                    "propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,255}$"},
                    "additionalProperties": {"type": ["string", "integer", "boolean", "object", "array"]},
                },
            },
        },
        "remove": {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                "ids": {"type": "array", "minItems": 1, "maxItems": 150, "items": {"type": "integer"}},
                "emails": {"type": "array", "minItems": 1, "maxItems": 150, "items": {"type": "string"}},
            },
        },
    }

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[int, dict[str, Any]] = {}
        self.bad: set[str] = set()  # addresses that an import passes over
        self.heard: list[dict[str, Any]] = []  # events
        self._numbers: dict[str, int] = {}
        self._looks: dict[int, int] = {}  # at imports

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        """What contacts and lists do."""
        path = path.removeprefix("/v3")
        if method == "POST" and path == "/contacts/import":
            self.check("import", body)
            return self._import(body)
        if path.startswith("/processes/"):
            process = int(path.rpartition("/")[2])
            self._looks[process] += 1
            status = "completed" if self._looks[process] > 1 else "in_process"
            return 200, {"id": process, "status": status, "name": "IMPORTUSER"}
        if path == "/processes":
            done = [
                {"id": one, "name": "IMPORTUSER", "status": "completed"} for one in sorted(self._looks, reverse=True)
            ]
            return 200, {"processes": done, "count": len(done)}
        if path == "/events":
            return self._event(method, query, body)
        if path.startswith("/contacts/") and unquote(path.removeprefix("/contacts/")) in self._numbers:
            return 200, self.contacts[self._numbers[unquote(path.removeprefix("/contacts/"))]]
        if path == "/contacts":
            return 200, {"contacts": self._page(list(self.contacts.values()), query), "count": len(self.contacts)}
        if path == "/contacts/lists/4/contacts":
            listed = [one for one in self.contacts.values() if 4 in one["listIds"]]
            return 200, {"contacts": self._page(listed, query), "count": len(listed)}
        if path == "/contacts/lists/4/contacts/remove":
            self.check("remove", body)
            return self._remove(body)
        if path == "/smtp/blockedContacts":
            return 200, {"contacts": [], "count": 0}
        raise RefusedError(404, {"code": "document_not_found", "message": "nothing here"})

    def _import(self, body: Any) -> Reply:
        for one in body["jsonBody"]:
            if one["email"] in self.bad:
                continue
            contact = self._contact(one["email"])
            contact["attributes"] |= one.get("attributes", {})
            contact["listIds"] = sorted({*contact["listIds"], *body["listIds"]})
            if "emailBlacklist" in body:
                contact["emailBlacklisted"] = body["emailBlacklist"]
        process = len(self._looks) + 1
        self._looks[process] = 0
        return 202, {"processId": process}

    def _event(self, method: str, query: Mapping[str, str], body: Any) -> Reply:
        if method == "GET":
            asked = (int(query["contact_id"]), query["event_name"])
            found = [one for one in self.heard if (one["contact_id"], one["event_name"]) == asked]
            return 200, {"events": found[::-1], "count": len(found)}
        self.check("event", body)
        number = self._contact(body["identifiers"]["email_id"])["id"]
        properties = body.get("event_properties", {})
        self.heard.append({"contact_id": number, "event_name": body["event_name"], "event_properties": properties})
        return 204, None

    def events(self) -> list[dict[str, str]]:
        """What it heard of changes."""
        return [one["event_properties"] for one in self.heard]

    def _contact(self, address: str) -> dict[str, Any]:
        """A contact, who is made where there is none."""
        number = self._numbers.setdefault(address, len(self._numbers) + 1)
        fresh = {"id": number, "email": address, "attributes": {}, "listIds": [], "emailBlacklisted": False}
        stated = {"smsBlacklisted": False, "createdAt": _AT, "modifiedAt": _AT, "listUnsubscribed": []}
        return self.contacts.setdefault(number, {**fresh, **stated})

    def _remove(self, body: Any) -> Reply:
        wanted = [*body.get("ids", ()), *(self._numbers.get(one, 0) for one in body.get("emails", ()))]
        on = [one for one in wanted if one in self.contacts and 4 in self.contacts[one]["listIds"]]
        if not on:
            message = "Contact already removed from list and/or does not exist"
            raise RefusedError(400, {"code": "invalid_parameter", "message": message})
        for one in on:
            self.contacts[one]["listIds"].remove(4)
        failed = [str(one) for one in wanted if one not in on]
        return 201, {"contacts": {"success": [self.contacts[one]["email"] for one in on], "failure": failed}}

    def _page(self, found: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
        start = int(query["offset"])
        return found[start : start + int(query["limit"])]

    def listed_rows(self) -> list[tuple[str, dict[str, Any]]]:
        """Who is on the list."""
        return [(one["email"], one["attributes"]) for one in self.contacts.values() if 4 in one["listIds"]]

    def put_in(self, address: str) -> None:
        """Puts a contact on the list."""
        self._contact(address)["listIds"].append(4)

    def take_out(self, address: str) -> None:
        """Takes a contact off the list."""
        self.contacts[self._numbers[address]]["listIds"].remove(4)

    def unsubscribe(self, address: str) -> None:
        """By the link in a mail."""
        self.contacts[self._numbers[address]]["emailBlacklisted"] = True
