"""HOME/streams/NAME.json: where the state of a stream stands, and how the stream does; nothing of single customers."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from features.spec.atomic import write_file

STREAMS = "streams"


class StreamStatus(Struct, frozen=True, kw_only=True):
    """How a stream stands."""

    name: str
    path: str  # of its state
    at: str  # when this was written, ISO, UTC
    running: bool = True
    paused: str | None = None  # why: `broker` or `disk`
    lag: int | None = None
    oldest_seconds: float | None = None  # the age of the oldest event of the last batch when it was taken in
    batch: int = 0  # messages of the last batch
    redelivered: int = 0  # since the worker began
    dead: int = 0  # dead letters in the state
    outbox: int = 0  # not published yet
    customers: int = 0  # with a live score


def write_status(home: Path, status: StreamStatus) -> None:
    """Writes it whole."""
    folder = home / STREAMS
    folder.mkdir(mode=0o700, exist_ok=True)
    write_file(folder / f"{status.name}.json", msgspec.json.format(msgspec.json.encode(status), indent=1), mode=0o600)


def streams_of(home: Path) -> list[StreamStatus]:
    """The streams of a home by name; a file that is none is passed over."""
    found = []
    for path in sorted((home / STREAMS).glob("[!.]*.json")):
        try:
            found.append(_decode(path.read_bytes()))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


_decode = msgspec.json.Decoder(StreamStatus).decode
