"""HOME/sources.json: which sources a home reads, how far each reaches, and who uses it; no secret stands in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from features.spec.atomic import write_file

SOURCES = "sources.json"


class SourceRegisterError(ValueError):
    """The register of sources is not as it was written."""


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """What is known of a source."""

    address: str  # without user, password, query; of a file its path
    schema_digest: str
    rows: int
    watermark: str | None  # the next reading begins there, less a lag
    snapshot: str | None  # of a table that has versions
    fresh_to: str | None  # ISO moment of the latest row, or of the source's last change
    last_run: str  # ISO moment
    used_by: tuple[str, ...]  # use cases
    at_most: int | None = None  # days that it may be old, where a use case says it

    def days_old(self, now: datetime) -> int | None:
        """Whole days between what it reaches to and a moment; None where that is unknown."""
        return None if self.fresh_to is None else max(0, (now - _moment(self.fresh_to)).days)

    def is_too_old(self, now: datetime) -> bool:
        """Whether it is older than a use case accepts."""
        days = self.days_old(now)
        return self.at_most is not None and days is not None and days > self.at_most


def read_sources(home: Path) -> dict[str, SourceEntry]:
    """The sources of a home by name; none where it never read one.

    Raises:
        SourceRegisterError: The register is damaged.
    """
    file = home / SOURCES
    if not file.exists():
        return {}
    try:
        return {name: _entry(stated) for name, stated in json.loads(file.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise SourceRegisterError(f"{SOURCES} must be what an ingest wrote, got {type(error).__name__}.") from error


def write_sources(home: Path, sources: Mapping[str, SourceEntry]) -> None:
    """Replaces the register; the same sources are the same bytes."""
    stated = {name: asdict(sources[name]) for name in sorted(sources)}
    write_file(home / SOURCES, json.dumps(stated, indent=1, ensure_ascii=False).encode() + b"\n")


def _entry(stated: Mapping[str, Any]) -> SourceEntry:
    return SourceEntry(**{**stated, "used_by": tuple(stated["used_by"])})


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if len(text) == len("2026-01-01"):
        found = datetime.combine(found, time.max)  # a day reaches to its end
    return found if found.tzinfo else found.replace(tzinfo=UTC)
