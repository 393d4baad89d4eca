"""HOME/monitoring/sources/NAME.json: what the log of a use case was like when it was last asked for outcomes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from features.spec.atomic import write_file
from scoring.health.matured_windows import MONITORING, HealthError

SOURCES = "sources"


class SourceFacts(Struct, frozen=True):
    """A log, counted."""

    looked: datetime  # from when it was looked at
    reaches: datetime  # the midnight after its last event
    read: int  # rows
    rejected: int  # of them set aside, since they broke a rule


def source_file(home: Path, use_case: str) -> Path:
    """Where the facts of a source stand, or would."""
    return home / MONITORING / SOURCES / f"{use_case}.json"


def write_source(home: Path, use_case: str, facts: SourceFacts) -> None:
    """Replaces them."""
    write_file(source_file(home, use_case), msgspec.json.encode(facts))


def read_source(home: Path, use_case: str) -> SourceFacts | None:
    """As they were last written; None where the log was never asked.

    Raises:
        HealthError: The file is damaged.
    """
    file = source_file(home, use_case)
    try:
        return _DECODE(file.read_bytes()) if file.exists() else None
    except (OSError, msgspec.DecodeError) as error:
        raise HealthError(f"{file.name} must be what monitoring wrote, got {type(error).__name__}.") from error


_DECODE = msgspec.json.Decoder(SourceFacts).decode
