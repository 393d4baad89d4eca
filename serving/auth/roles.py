"""What people may do who sign in by their own name: roles, and the pages of the console that each opens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from serving.auth.api_keys import ApiKey

Role = Literal["marketer", "analyst", "operator", "data_protection"]
ROLES: tuple[Role, ...] = get_args(Role)
_ALL = frozenset(("score", "explain", "customers", "admin"))
_OVERVIEW = (
    *("/console/", "/console/health", "/console/segments", "/console/segment-table", "/console/personas"),
    *("/console/models/{name}", "/console/models/{name}/plan", "/console/models/{name}/confusion"),
)
_CARD = ("/console/customer", "/console/upload", "/console/what-if")
_FILES = ("/console/customers-file", "/console/scored-file", "/console/example-file")


@dataclass(frozen=True, slots=True)
class RoleRights:
    """The scopes that pages look at, and the pages that are opened, by their template."""

    scopes: frozenset[str]
    pages: frozenset[str]


RIGHTS: Mapping[Role, RoleRights] = {
    "marketer": RoleRights(
        _ALL,
        frozenset((*_OVERVIEW, *_CARD, *_FILES, "/console/customers", "/console/list", "/console/audience"))
        | {"/console/campaigns", "/console/deliveries"},
    ),
    "analyst": RoleRights(
        frozenset(("score", "explain")), frozenset((*_OVERVIEW, *_CARD, *_FILES, "/console/campaigns"))
    ),
    "operator": RoleRights(
        frozenset(("score", "explain", "admin")), frozenset((*_OVERVIEW, "/console/deliveries", "/console/sources"))
    ),
    "data_protection": RoleRights(
        _ALL,
        frozenset((*_OVERVIEW, *_CARD, "/console/customers", "/console/export"))
        | {"/console/campaigns", "/console/deliveries", "/console/sources"},
    ),
}


def person(name: str, roles: Collection[Role]) -> ApiKey:
    """Somebody with roles, who may do what any of them may; it is by this name that a trail knows them.

    >>> ada = person("ada@shop.example", ["analyst"])
    >>> ada.opens("/console/campaigns"), ada.opens("/console/list"), "customers" in ada.scopes
    (True, False, False)
    """
    rights = [RIGHTS[role] for role in roles]
    scopes = frozenset[str]().union(*(one.scopes for one in rights))
    return ApiKey(name, "", scopes, pages=frozenset[str]().union(*(one.pages for one in rights)))
