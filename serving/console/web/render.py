"""How a page is made: its template, its language, and the few files it needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request

from features.spec.languages import Language
from features.spec.source_register import SOURCES
from scoring.answers.served_release import Live
from serving.console.web.i18n import Texts
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT

HTML = b"text/html; charset=utf-8"
_HERE = Path(__file__).parents[1]
_FILES = {
    "style.css": b"text/css; charset=utf-8",
    "script.js": b"text/javascript; charset=utf-8",
    "icon.svg": b"image/svg+xml",
}


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def asset(name: str) -> bytes:
    """A file the pages load, as it stands beside this module."""
    return (_HERE / name).read_bytes()


async def style(_request: Request) -> Reply:
    """GET /console/style.css."""
    return _asset("style.css")


async def script(_request: Request) -> Reply:
    """GET /console/script.js."""
    return _asset("script.js")


async def icon(_request: Request) -> Reply:
    """GET /console/icon.svg."""
    return _asset("icon.svg")


def _asset(name: str) -> Reply:
    return Reply(200, asset(name), _FILES[name], [(b"cache-control", b"public, max-age=300")])


def page(
    template: str,
    language: Language,
    facts: Mapping[str, object],  # as the template names them
    *,
    status: int = 200,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> Reply:
    """A template with its facts, as an answer in one language."""
    context = CONTEXT.get()
    served = context.snapshot.served
    shared = {
        "texts": Texts(language),
        "language": language,
        "names": list(served),
        "called": lambda name: called(name, served, language),
        "outcome_of": lambda name: outcome_of(name, served, language),
        "key": context.key,
        "opens": lambda template: context.key is None or context.key.opens(template),
        "pretty": pretty,
        "segmented": bool(context.snapshot.segmentations),
        "sourced": (context.runtime.settings.home / SOURCES).exists(),
        "here": "",
        "again": None,
    }
    body = _templates().get_template(template).render({**shared, **facts})
    own = [(b"content-language", language.encode()), (b"vary", b"accept-language")]
    return Reply(status, body.encode("utf-8", "replace"), HTML, [*own, *(headers or [])])


def called(name: str, served: Mapping[str, Live], language: Language) -> str:
    """What people read for a use case: its title where one is served that states it, else its name."""
    return served[name].release.bundle.manifest.titled(language) if name in served else name


def outcome_of(name: str, served: Mapping[str, Live], language: Language) -> str | None:
    """What a high score of a use case says of a customer; None where that is not stated."""
    return served[name].release.bundle.manifest.outcome_in(language) if name in served else None


def language_of(request: Request) -> Language:
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


def pretty(value: Any) -> str:
    """A value as JSON a person can read."""
    return json.dumps(value, indent=2, ensure_ascii=False)
