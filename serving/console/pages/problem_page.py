"""Problems as pages for people, and the end of a session. Signing in is `serving.auth.login`'s."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from serving.console.web.render import language_of, page
from serving.http.problems import FOREIGN_HOST, KEYLESS, Problem
from serving.http.reply import Headers, Reply
from serving.worker.request_context import CONTEXT


def wants_page(headers: Mapping[bytes, bytes], path: str) -> bool:
    """Whether a problem is met by a person at the console, who should see a page."""
    return path.startswith("/console/") and b"text/html" in headers.get(b"accept", b"")


def trouble(headers: Mapping[bytes, bytes], problem: Problem) -> Reply:
    """A problem as a page; it names the use cases only to those who are admitted."""
    context = CONTEXT.get()
    request = Request({"type": "http", "headers": list(headers.items()), "query_string": b""})
    stranger = context.key is None and (context.runtime.gate.asked or problem.kind in (FOREIGN_HOST, KEYLESS))
    hidden: dict[str, list[str]] = {"names": []} if stranger else {}
    facts = {"problem": problem, "request_id": context.request_id, **hidden}
    own: Headers = [pair for pair in problem.headers if pair[0] != b"www-authenticate"]
    return page("trouble.html", language_of(request), facts, status=problem.kind.status, headers=own)
