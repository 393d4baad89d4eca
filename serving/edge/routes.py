"""Every route there is, in one table: templates stand in logs and metrics, so that no address ever does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from serving.auth.gate import ANY_KEY, CONSOLE
from serving.auth.login import SIGN_IN, SIGN_IN_BACK, SIGN_IN_START

SCORES = "/v1/scores"
EXPLANATIONS = "/v1/explanations"
EXPORT = "/v1/customers/export"
ERASE = "/v1/customers/erase"
CONTESTATIONS = "/v1/customers/contestations"
MOVES = "/v1/moves"
CUSTOMERS = "/v1/customers"
SEARCH = "/v1/customers/search"
LOOKUP = "/v1/customers/lookup"
LISTS = "/v1/lists"
UNMATCHED = "(unmatched)"
_OPEN = (".css", ".js", ".svg", SIGN_IN, SIGN_IN_START, SIGN_IN_BACK)  # of the console, to whoever is not signed in


@dataclass(frozen=True, slots=True)
class Route:
    """A template, its methods in the order `Allow` names them, what a posted body must be, and what its caller."""

    template: str
    methods: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")
    accepts: bytes = b"application/json"
    scope: str | None = None  # of the key, where keys are asked for

    @property
    def allow(self) -> list[tuple[bytes, bytes]]:
        """The header that names its methods."""
        return [(b"allow", ", ".join(self.methods).encode())]

    @property
    def needs(self) -> str | None:
        """What a caller must have; None: nothing. Every page of the console needs a session, its looks do not."""
        page = self.template.startswith("/console/") and not self.template.endswith(_OPEN)
        return CONSOLE if page else self.scope


_POST = ("POST", "OPTIONS")
_BOTH = ("GET", "HEAD", "POST", "OPTIONS")
_FORM = b"application/x-www-form-urlencoded"
ROUTES = (
    Route(SCORES, _POST, scope="score"),
    Route(EXPLANATIONS, _POST, scope="explain"),
    Route(EXPORT, _POST, scope="admin"),
    Route(ERASE, _POST, scope="admin"),
    Route(CONTESTATIONS, _POST, scope="admin"),
    Route(MOVES, _POST, scope="customers"),
    Route(CUSTOMERS, scope="customers"),
    Route(SEARCH, _POST, scope="customers"),
    Route(LOOKUP, _POST, scope="customers"),
    Route(LISTS, _POST, scope="customers"),
    Route("/v1/use-cases", scope=ANY_KEY),
    Route("/v1/use-cases/{name}", scope=ANY_KEY),
    Route("/v1/use-cases/{name}/report", scope=ANY_KEY),
    Route("/v1/segments", scope=ANY_KEY),
    Route("/v1/health", scope="score"),
    Route("/livez"),
    Route("/readyz"),
    Route("/metrics", scope=ANY_KEY),
    Route("/openapi.json", scope=ANY_KEY),
    Route("/schema.json"),  # BentoML's own, which its client reads
    Route("/docs", scope=ANY_KEY),
    Route("/"),
    Route("/console/", _BOTH, _FORM),
    Route("/console/customers", _BOTH, _FORM),
    Route("/console/list", _POST, _FORM),
    Route("/console/customer", _BOTH, _FORM),
    Route("/console/upload", _POST, b"multipart/form-data"),
    Route("/console/customers-file", _BOTH, b"multipart/form-data"),
    Route("/console/scored-file", _POST, _FORM),
    Route("/console/example-file"),
    Route("/console/what-if", _POST, _FORM),
    Route("/console/export", _POST, _FORM),
    Route("/console/segments", _BOTH, _FORM),
    Route("/console/segment-table"),
    Route("/console/audience", _POST, _FORM),
    Route("/console/campaigns"),
    Route("/console/deliveries"),
    Route("/console/personas", _BOTH, _FORM),
    Route("/console/sources"),
    Route("/console/health", _BOTH, _FORM),
    Route("/console/models/{name}"),
    Route("/console/models/{name}/plan"),
    Route("/console/models/{name}/confusion"),
    Route("/console/style.css"),
    Route("/console/script.js"),
    Route("/console/icon.svg"),
    Route(SIGN_IN_START),
    Route(SIGN_IN_BACK),
    Route(SIGN_IN, ("GET", "HEAD", "POST", "OPTIONS"), b"application/x-www-form-urlencoded"),
)
_EXACT = {route.template: route for route in ROUTES if "{" not in route.template}
_PATTERNS = [
    (re.compile(route.template.replace("{name}", "[^/]+")), route) for route in ROUTES if "{" in route.template
]


def find(path: str) -> tuple[Route, str] | None:
    """The route of a path and the path as the route has it: one slash at the end makes no difference.

    >>> find("/v1/scores/")[1]
    '/v1/scores'
    >>> find("/console")[1], find("/v1/score")
    ('/console/', None)
    """
    for candidate in (path, path[:-1] if path.endswith("/") else f"{path}/"):
        if candidate in _EXACT:
            return _EXACT[candidate], candidate
    trimmed = path.removesuffix("/")
    for pattern, route in _PATTERNS:
        if pattern.fullmatch(trimmed):
            return route, trimmed
    return None
