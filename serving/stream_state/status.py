"""HOME/streams/NAME.json: where the state of a stream stands, and how it does; one a worker, nothing of customers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from features.spec.atomic import write_file
from serving.stream_state.state import StatePlace

STREAMS = "streams"
SILENT_SECONDS = 120.0  # without a sign of a worker that did not stop: it was killed, or stands still
StreamCondition = Literal["running", "paused", "stopped", "silent"]


class StreamFigures(Struct, frozen=True, kw_only=True):
    """How a stream does, in figures."""

    lag: Annotated[int | None, Meta(description="Messages not read yet; null where the broker does not say.")] = None
    oldest_seconds: Annotated[
        float | None, Meta(description="Age of the oldest event of the last batch when it was taken in.")
    ] = None
    batch: Annotated[int, Meta(description="Messages of the last batch.")] = 0
    applied: Annotated[int, Meta(description="Events taken in since the worker began.")] = 0
    duplicates: Annotated[int, Meta(description="Messages that had come before, since the worker began.")] = 0
    redelivered: Annotated[int, Meta(description="Messages handed out again, since the worker began.")] = 0
    published: Annotated[int, Meta(description="Changes sent on, since the worker began.")] = 0
    dead: Annotated[int, Meta(description="Dead letters in the state.")] = 0
    dead_by_rule: Annotated[dict[str, int], Meta(description="Dead letters by the rule that they break.")] = {}
    outbox: Annotated[int, Meta(description="Changes not sent on yet.")] = 0
    customers: Annotated[int, Meta(description="Customers with a live score.")] = 0


class StreamStatus(StreamFigures, frozen=True, kw_only=True):
    """What a worker last wrote of its stream."""

    name: str
    path: str = ""  # of its state, where that is a file
    postgres: str | None = None  # its address, where it is none
    postgres_env: str | None = None
    worker: str = ""  # its number, where several share the state
    at: str  # when this was written, ISO, UTC
    started: str = ""  # when the worker began, ISO, UTC
    running: bool = True
    paused: str | None = None  # why: `broker` or `disk`
    paused_since: str | None = None  # ISO, UTC


class StreamHealth(StreamFigures, frozen=True, kw_only=True):
    """How a stream stands, as anybody may read it."""

    name: Annotated[str, Meta(description="Of its file.", examples=["purchases"])]
    worker: Annotated[str, Meta(description="Its number, where several share a topic.", examples=["", "2"])] = ""
    state: Annotated[StreamCondition, Meta(description="`silent`: it gives no sign and did not stop.")]
    since: Annotated[str, Meta(description="When that began, UTC.", examples=["2026-03-01T10:04:07Z"])]
    at: Annotated[str, Meta(description="The last sign of it, UTC.", examples=["2026-03-01T10:04:07Z"])]
    paused: Annotated[str | None, Meta(description="What it waits for: `broker` or `disk`.")] = None


def write_status(home: Path, status: StreamStatus) -> None:
    """Writes it whole."""
    folder = home / STREAMS
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{status.name}{'.' * bool(status.worker)}{status.worker}.json"
    write_file(file, msgspec.json.format(msgspec.json.encode(status), indent=1), mode=0o600)


def streams_of(home: Path) -> list[StreamStatus]:
    """The workers of a home's streams by name; a file that is none is passed over."""
    found = []
    for path in sorted((home / STREAMS).glob("[!.]*.json")):
        try:
            found.append(_decode(path.read_bytes()))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


def places_of(home: Path) -> list[StatePlace]:
    """Where the states of a home's streams stand, each once."""
    found = {
        StatePlace(one.name, Path(one.path) if one.path else None, one.postgres, one.postgres_env): None
        for one in streams_of(home)
    }
    return list(found)


def stream_health(home: Path, now: datetime) -> list[StreamHealth]:
    """How the streams of a home stand at a moment, UTC, by name."""
    return [_health(status, now) for status in streams_of(home)]


def seconds_since(iso: str, now: datetime) -> float:
    """How long ago a moment was that a status names; endless where it is none."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return float("inf")
    return (now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds()


def _health(status: StreamStatus, now: datetime) -> StreamHealth:
    condition, since = _condition(status, now)
    figures = {name: getattr(status, name) for name in StreamFigures.__struct_fields__}
    return StreamHealth(
        name=status.name,
        worker=status.worker,
        state=condition,
        since=since,
        at=status.at,
        paused=status.paused,
        **figures,
    )


def _condition(status: StreamStatus, now: datetime) -> tuple[StreamCondition, str]:
    """What a stream does, and since when: of one that is silent, since its last sign."""
    if not status.running:
        return "stopped", status.at
    if seconds_since(status.at, now) > SILENT_SECONDS:
        return "silent", status.at
    if status.paused:
        return "paused", status.paused_since or status.at
    return "running", status.started or status.at


_decode = msgspec.json.Decoder(StreamStatus).decode
