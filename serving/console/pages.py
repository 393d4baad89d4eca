"""The console: one page that shows what is served and scores a posted customer; and the API's description as a page."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.requests import Request

from scoring.answers import Live, score_profiles
from scoring.wording import Language
from serving.console.bars import Bar, bars
from serving.console.words import Words, words
from serving.decode import decode
from serving.describe import example
from serving.openapi import document
from serving.problems import FOREIGN_ORIGIN, KINDS, Problem
from serving.reply import VISIT, Reply, Visit
from serving.shapes import scores_request

_HTML = b"text/html; charset=utf-8"
_HERE = Path(__file__).parent
_REASONS = 6


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> bytes:
    return (_HERE / "style.css").read_bytes()


async def style(_request: Request) -> Reply:
    """GET /console/style.css."""
    return Reply(200, _style(), b"text/css; charset=utf-8", [(b"cache-control", b"public, max-age=300")])


async def docs(request: Request) -> Reply:
    """GET /docs."""
    described = document(VISIT.get().snapshot.served)
    return _page("docs.html", _language(request), {"api": described, "kinds": KINDS, "pretty": _pretty})


async def console(request: Request) -> Reply:
    """GET and POST /console/.

    A posted customer is scored and shown; nothing posted ever stands in an address or is kept.
    """
    visit, language = VISIT.get(), _language(request)
    if request.method != "POST":
        return _page("console.html", language, _start(visit, _chosen(visit, request.query_params.get("use_case"))))
    _same_site(request)
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
    text = fields.get("profile", [""])[0]
    facts = {**_start(visit, _chosen(visit, None)), "text": text}
    try:
        facts["results"] = _scored(visit, text, language)
    except Problem as problem:
        facts["problem"] = problem
        return _page("console.html", language, facts, status=problem.kind.status)
    return _page("console.html", language, facts)


def _start(visit: Visit, chosen: Live | None) -> dict[str, Any]:
    snapshot = visit.snapshot
    return {
        "live": list(snapshot.served.values()),
        "refused": snapshot.refused,
        "ready": visit.runtime.ready,
        "chosen": chosen,
        "text": _pretty(example(chosen)["profiles"][0]) if chosen else "",
        "results": None,
        "problem": None,
    }


def _chosen(visit: Visit, name: str | None) -> Live | None:
    served = visit.snapshot.served
    return served.get(name or "") or next(iter(served.values()), None)


def _scored(visit: Visit, text: str, language: Language) -> list[dict[str, Any]]:
    """One entry a profile: the answer, and its reasons as bars. A profile alone or a whole request may be posted."""
    posted = decode(text.encode("utf-8", "surrogatepass"))
    if not (isinstance(posted, dict) and "profiles" in posted):
        posted = {"profiles": [posted]}
    asked = scores_request({**posted, "language": language, "reasons": _REASONS})
    known = [name for name in asked.use_cases or () if name in visit.snapshot.served]
    results = score_profiles(
        visit.snapshot.served,
        asked.profiles[:10],
        use_cases=known or None,
        reasons=_REASONS,
        language=language,
        policy=visit.snapshot.policy,
    )
    return [{**result, "bars": _bars_of(result)} for result in results]


def _bars_of(result: dict[str, Any]) -> dict[str, list[Bar]]:
    return {name: bars(score["reasons"]) for name, score in result["scores"].items() if score["status"] == "scored"}


def _same_site(request: Request) -> None:
    """Refuses a form that another site's page posted.

    Raises:
        Problem: A 403.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in (None, "same-origin", "none")
    if origin is not None:
        foreign = foreign or origin.partition("://")[2] != request.headers.get("host")
    if foreign:
        raise Problem(FOREIGN_ORIGIN, "The form must be posted from the console's own page.")


def _language(request: Request) -> Language:
    """The language asked for by the switch, else by the browser."""
    asked = request.query_params.get("language")
    if asked not in ("en", "fr"):
        asked = _preferred(request.headers.get("accept-language", ""))
    return "fr" if asked == "fr" else "en"


def _preferred(header: str) -> str:
    weights = {"en": 0.0, "fr": 0.0}
    for part in header.split(","):
        name, _, weight = part.strip().partition(";q=")
        main = name.partition("-")[0].strip().lower()
        if main in weights:
            weights[main] = max(weights[main], _weight(weight))
    return "fr" if weights["fr"] > weights["en"] else "en"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def _page(template: str, language: Language, facts: dict[str, Any], *, status: int = 200) -> Reply:
    said: Words = words(language)
    body = _templates().get_template(template).render(say=said, language=language, **facts)
    headers = [(b"content-language", language.encode()), (b"vary", b"accept-language")]
    return Reply(status, body.encode("utf-8", "replace"), _HTML, headers)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
