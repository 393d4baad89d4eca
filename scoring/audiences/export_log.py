"""What left a home as a list of customers: HOME/segments/exports.jsonl, a line for each, which names nobody.

Each line is a JSON object: `at` (ISO 8601, UTC), `by` (`command`, `console` or `api`, these with the `key`), `segment`,
`policy`, `as_of`, `format`, `internal`, and with contacts the `channel` and `purpose`; how many `members` there were,
how many were `written` and how many `left_out` by reason. Of an audience kept at a tool that sends
also the `destination`, the `versions` of what scored it, and how many it `adds`, `updates` and `removes`. Of a list by
rank also the `use_case`, `cluster`, `top`, `threshold` and `campaign`, and of look-alikes
how many were asked for, `lookalike`.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from scoring.privacy.audit_trail import Actor, Via, command_actor, record
from scoring.segments.assignment import SEGMENTS_FOLDER

EXPORTS = "exports.jsonl"
_COUNTED = (
    *("use_case", "cluster", "top", "threshold", "campaign", "lookalike"),  # of a list by rank
    *("segment", "policy", "as_of", "internal", "channel", "purpose", "members", "written", "left_out"),
    *("destination", "list", "versions", "adds", "updates", "removes"),  # of an audience at a tool that sends
)

_IN_TRAIL = (
    *("use_case", "segment", "cluster", "top", "threshold", "campaign", "lookalike"),
    *("as_of", "internal", "members", "written", "destination"),
)


def log_export(home: Path, document: Mapping[str, object], *, format_: str, by: Via, key: str | None = None) -> None:
    """Adds what is about to leave, to the trail too, on the disk before it does: nothing leaves that is not logged.

    Args:
        home: Which has the log; it is made where there is none.
        document: As `addressable.counted` gives it, or of a list by rank its answer; what is counted is kept.
        format_: One of `export_formats.FORMATS`.
        by: Who exports.
        key: The name of the key it was asked with, where there was one.

    Raises:
        OSError: The log or the trail cannot be written.
    """
    actor = command_actor() if by == "command" else Actor(key, by)
    stated = {name: value for name, value in document.items() if name in _IN_TRAIL}
    about = {name: value for name, value in stated.items() if isinstance(value, str | int | float)}
    record(home, "list", actor, about={"format": format_, **about})
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    counts = {name: value for name, value in document.items() if name in _COUNTED}
    entry = {"at": at, "by": by, **({"key": key} if key else {}), "format": format_, **counts}
    path = home / SEGMENTS_FOLDER / EXPORTS
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        os.write(handle, b"\n" + line if _is_cut_off(handle) else line)
        os.fsync(handle)
    finally:
        os.close(handle)


class LoggedExport(Struct, frozen=True):
    """A line of the log, as far as it is counted by."""

    at: str
    by: str
    format: str
    segment: str | None = None
    use_case: str | None = None
    internal: bool = False
    members: int = 0
    written: int = 0
    left_out: dict[str, int] = {}


def read_exports(home: Path) -> list[LoggedExport]:
    """What left a home, the earliest first; a line that was cut off is passed over.

    Raises:
        OSError: The log cannot be read.
    """
    path = home / SEGMENTS_FOLDER / EXPORTS
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [found for line in lines if (found := read_export(line)) is not None]


def read_export(line: bytes) -> LoggedExport | None:
    """What a line of the log says; None of one that was cut off."""
    try:
        return _DECODE(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _is_cut_off(handle: int) -> bool:
    """Whether a kill left the last line without its end."""
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


_DECODE = msgspec.json.Decoder(LoggedExport).decode
