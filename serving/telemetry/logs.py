"""Logs: one JSON object a line on stderr, and nothing of any customer in it.

Our own lines hold fields we name: ids of requests, route templates, counts. Lines of libraries keep their template
without its arguments, and of an exception only its class and the place it came from: both may carry what was posted.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(enc_hook=str).encode
_CONSTANT_TEMPLATES = ("bentoml", "circus", "uvicorn", "penchant")


def write(event: str, *, level: str = "info", **fields: Any) -> None:
    """Writes one line; where the disk takes none, or whoever reads has left, it is lost and nothing else is."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = _encode({"at": now, "level": level, "event": event, **fields}).decode()
    with suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def fault(error: BaseException) -> dict[str, str]:
    """What may be logged of an exception: its class and where it was raised, never its text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('site-packages/')[2]}:{frames[-1].lineno}" if frames else ""
    return {"error": type(error).__name__, "place": place}


class _Lines(logging.Handler):
    """Turns the records of libraries into our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"logger": record.name}
        if record.name.partition(".")[0] in _CONSTANT_TEMPLATES and isinstance(record.msg, str):
            fields["template"] = record.msg
        if record.exc_info and record.exc_info[1]:
            fields |= fault(record.exc_info[1])
        write("library", level=record.levelname.lower(), **fields)


def take_over() -> None:
    """Sends every record of this process through our lines, in place of any handler set before."""
    root = logging.getLogger()
    root.handlers = [_Lines()]
    root.setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    logging.captureWarnings(True)  # else they are lines of text
    threading.excepthook = lambda args: write(
        "thread_failed", level="error", **(fault(args.exc_value) if args.exc_value else {})
    )
    sys.excepthook = lambda _kind, error, _trace: write("process_failed", level="error", **fault(error))
