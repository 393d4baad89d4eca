"""Where a home keeps its days: HOME/population/DAY, a folder that appears whole, the latest one in service."""

from __future__ import annotations

import fcntl
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

POPULATION = "population"
MANIFEST = "manifest.json"
LOCK = ".run.lock"
PARTS = 64  # a customer's rows of all days are in the part of the same number, so that an erasure rewrites little
_NAME = re.compile(r"\d{4}-\d\d-\d\d(T\d{6})?")


class PopulationBusyError(Exception):
    """Another process writes the days of this home."""


class PopulationError(ValueError):
    """A day is not what a run writes."""


class DayManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a day is made of."""

    run_id: str  # of home, moment, configuration, sources, models, policy and objections
    as_of: datetime  # UTC
    policy: str  # its version
    models: dict[str, str]  # version by use case
    customers: int
    files: dict[str, str]  # sha256 by name
    thin: bool = False  # whether reasons and features are gone, as they are kept for a while only


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a home."""

    folder: Path
    manifest: DayManifest

    @property
    def parts(self) -> list[Path]:
        """The files of its customers, in order."""
        return sorted(self.folder.glob("part-*.parquet"))


def day_name(as_of: datetime) -> str:
    """The folder's name: the date, with the time where it is not midnight; UTC.

    >>> day_name(datetime(2026, 3, 1, tzinfo=UTC)), day_name(datetime(2026, 3, 1, 6, 30, tzinfo=UTC))
    ('2026-03-01', '2026-03-01T063000')
    """
    return f"{as_of.astimezone(UTC):%Y-%m-%dT%H%M%S}".removesuffix("T000000")


def day_folder(home: Path, as_of: datetime) -> Path:
    """Where the day of a moment stands, or would."""
    return home / POPULATION / day_name(as_of)


def days_of(home: Path) -> list[Day]:
    """The days that a home keeps, the earliest first.

    Raises:
        PopulationError: One of them is not what a run writes.
    """
    folder = home / POPULATION
    names = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name)) if folder.is_dir() else []
    return [open_day(path) for path in names]


def open_day(folder: Path) -> Day:
    """The day in a folder.

    Raises:
        PopulationError: There is none.
    """
    try:
        return Day(folder, msgspec.json.decode((folder / MANIFEST).read_bytes(), type=DayManifest))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PopulationError(f"{folder.name} must be a readable day, got {type(error).__name__}.") from error


def latest_day(home: Path, *, until: date | None = None) -> Day | None:
    """The latest day, or the latest until the end of a date; None where there is none. Raises as `days_of`."""
    days = [day for day in days_of(home) if until is None or day.manifest.as_of.date() <= until]
    return days[-1] if days else None


@contextmanager
def only_writer(home: Path) -> Iterator[None]:
    """One process at a time that writes the days of a home.

    Raises:
        PopulationBusyError: Another one does.
    """
    folder = home / POPULATION
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PopulationBusyError("One run of a home at a time, another one is under way.") from None
        yield


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a day's folder but its manifest."""
    return dict(_digests(folder))


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            with path.open("rb") as file:
                yield path.name, hashlib.file_digest(file, "sha256").hexdigest()
