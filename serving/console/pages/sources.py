"""The page Sources: what a home reads from where, how far each source reaches, and who uses it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from starlette.requests import Request

from features.spec.source_register import SourceEntry, SourceRegisterError, read_sources
from serving.console.web.i18n import Texts
from serving.console.web.render import language_of, page
from serving.http.reply import Reply
from serving.worker.request_context import CONTEXT


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A source, as people read it."""

    name: str
    entry: SourceEntry
    days: int | None  # old
    too_old: bool


async def sources(request: Request) -> Reply:
    """GET /console/sources."""
    context, texts = CONTEXT.get(), Texts(language_of(request))
    lines: list[SourceLine] = []
    refusal = None
    try:
        lines = await asyncio.to_thread(_lines, context.runtime.settings.home)
    except SourceRegisterError as error:
        refusal = str(error)
    return page("sources.html", texts.language, {"here": "sources", "lines": lines, "refusal": refusal})


def _lines(home: Path) -> list[SourceLine]:
    """The sources of a home, those that are too old first."""
    now = datetime.now(UTC)
    found = [
        SourceLine(name, entry, entry.days_old(now), entry.is_too_old(now))
        for name, entry in read_sources(home).items()
    ]
    return sorted(found, key=lambda line: (not line.too_old, line.name))
