"""Every route there is, in one table: templates stand in logs and metrics, so that no address ever does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from serving.gate import ANY_KEY

SCORES = "/v1/scores"
EXPLANATIONS = "/v1/explanations"
UNMATCHED = "(unmatched)"


@dataclass(frozen=True, slots=True)
class Route:
    """A template, its methods in the order `Allow` names them, what a posted body must be, and what its caller."""

    template: str
    methods: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")
    accepts: bytes = b"application/json"
    needs: str | None = None  # the scope of the key, where keys are asked for; None: open to all


_POST = ("POST", "OPTIONS")
ROUTES = (
    Route(SCORES, _POST, needs="score"),
    Route(EXPLANATIONS, _POST, needs="explain"),
    Route("/v1/use-cases", needs=ANY_KEY),
    Route("/v1/use-cases/{name}", needs=ANY_KEY),
    Route("/v1/use-cases/{name}/report", needs=ANY_KEY),
    Route("/v1/segments", needs=ANY_KEY),
    Route("/livez"),
    Route("/readyz"),
    Route("/metrics", needs=ANY_KEY),
    Route("/openapi.json", needs=ANY_KEY),
    Route("/schema.json"),  # BentoML's own, which its client reads
    Route("/docs", needs=ANY_KEY),
    Route("/"),
    # The console asks for the key itself, by a form.
    Route("/console/", ("GET", "HEAD", "POST", "OPTIONS"), b"application/x-www-form-urlencoded"),
    Route("/console/style.css"),
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
