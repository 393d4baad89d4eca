"""What the page Health shows of streams: a line each, what became of messages, which rules dead letters break."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from serving.console.web.i18n import Texts
from serving.stream_state.status import StreamHealth, stream_health

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400  # seconds


@dataclass(frozen=True, slots=True)
class StreamLine:
    """A stream as people read it."""

    stream: StreamHealth
    condition: str  # what it does, and since when
    oldest: str | None  # the age of the oldest event of its last batch
    rules: list[tuple[str, int]]  # that dead letters break, with how many do; most first


def stream_lines(home: Path, texts: Texts, now: datetime) -> list[StreamLine]:
    """The streams of a home at a moment, UTC, those that do nothing first. It reads files, so never on the loop."""
    found = stream_health(home, now)
    latest = {one.name: one for one in sorted(found, key=lambda one: one.at)}
    lines = [_line(stream, texts, letters=stream is latest[stream.name]) for stream in found]
    return sorted(lines, key=lambda line: (line.stream.state == "running", line.stream.name, line.stream.worker))


def age_shown(seconds: float, texts: Texts) -> str:
    """A length of time in the unit that suits it."""
    for unit, key in ((_DAY, "age_days"), (_HOUR, "age_hours"), (_MINUTE, "age_minutes")):
        if seconds >= 2 * unit:
            return texts.of(key, n=texts.number(seconds / unit, 0))
    return texts.of("age_seconds", n=texts.number(seconds, 0 if seconds >= 10 else 1))


def _line(stream: StreamHealth, texts: Texts, *, letters: bool) -> StreamLine:
    """A worker's line; of the state that several share one has the dead letters."""
    waits = texts.named(f"stream_waits_{stream.paused}") if stream.paused and stream.state == "paused" else ""
    since = texts.moment(stream.since)
    condition = texts.of(f"stream_{stream.state}", since=since)
    oldest = None if stream.oldest_seconds is None else age_shown(stream.oldest_seconds, texts)
    return StreamLine(
        stream, f"{condition} {waits}".strip(), oldest, list(stream.dead_by_rule.items()) if letters else []
    )
