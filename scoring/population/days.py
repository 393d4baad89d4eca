"""Where a home keeps its days: HOME/population/DAY, a folder that appears whole, the latest one in service."""

from __future__ import annotations

import fcntl
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

POPULATION = "population"
MANIFEST = "manifest.json"
LOCK = ".run.lock"
WORK = ".work"  # what the steps of a run hand on to one another
OUTCOMES = "outcomes"  # what became of the customers of days, beside them
PARTS = 64  # a customer's rows of all days are in the part of the same number, so that an erasure rewrites little
_LOOKS = 5
_SETTLED = 1_000_000_000  # ns
Stamp = tuple[int, ...]
_NAME = re.compile(r"\d{4}-\d\d-\d\d(T\d{6})?")


class PopulationBusyError(Exception):
    """Another process writes the days of this home."""


class PopulationError(ValueError):
    """A day is not what a run writes."""


class DamagedDayError(PopulationError):
    """A file of a day is not what its run wrote."""


class DayManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a day is made of."""

    run_id: str  # of home, moment, configuration, sources, models, policy and objections
    as_of: datetime  # UTC
    policy: str  # its version
    models: dict[str, str]  # version by use case
    customers: int
    files: dict[str, str]  # sha256 by name
    warnings: dict[str, tuple[str, ...]] | UnsetType = UNSET  # of nearly all customers, by use case
    thin: bool = False  # whether reasons and features are gone, as they are kept for a while only


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a home."""

    folder: Path
    manifest: DayManifest

    @property
    def parts(self) -> list[Path]:
        """The files of its customers, in order. Raises as `file` does."""
        names = sorted(name for name in self.manifest.files if name.startswith("part-"))
        return [file for name in names if (file := self.file(name))]

    def file(self, name: str) -> Path | None:
        """A file, once its bytes are known to be those that the manifest names; None where the day has none such.

        Raises:
            PopulationError: They are others, or the file is gone.
        """
        files, path = self.manifest.files, self.folder / name
        while name in files:
            found = _known_digest(path)
            if found == files[name]:
                return path
            now = open_day(self.folder).manifest.files  # an erasure exchanges a day for another
            if now == files:
                raise DamagedDayError(f"{name} of {self.folder.name} must be as the run wrote it, got other bytes.")
            files = now
        return None


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
    if not folder.is_dir():
        return []
    return [_known_day(path) for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name)]


def _known_day(folder: Path) -> Day:
    """The day in a folder, read once as long as its manifest is the same file."""
    mark = _mark_of(folder / MANIFEST)
    known = _known_days.get(folder)
    if known is None or known[0] != mark or mark is None:
        known = (mark, open_day(folder))
        if mark is not None and time.time_ns() - mark[2] > _SETTLED:  # else another change could leave the same time
            _known_days[folder] = known
    return known[1]


def _mark_of(path: Path) -> Stamp | None:
    """Another for another file, or other bytes of it; None where it is gone."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size)


def open_day(folder: Path) -> Day:
    """The day in a folder.

    Raises:
        PopulationError: There is none.
    """
    try:
        return Day(folder, msgspec.json.decode((folder / MANIFEST).read_bytes(), type=DayManifest))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PopulationError(f"{folder.name} must be a readable day, got {type(error).__name__}.") from error


def outcome_files(home: Path) -> list[Path]:
    """The files that say what became of the customers of days, whatever use case they are of."""
    return sorted((home / OUTCOMES).glob("*/[!.]*.parquet"))


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
        for _ in range(_LOOKS):  # who only looks whether a run is under way holds the lock for a moment
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(0.02)
        else:
            raise PopulationBusyError("One run of a home at a time, another one is under way.")
        yield


def is_written_now(home: Path) -> bool:
    """Whether a process writes the days of a home at this moment."""
    try:
        with (home / POPULATION / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except OSError:
        return True


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a day's folder but its manifest; a file of two names is read once."""
    paths = {path: path.stat().st_ino for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    found = {number: digest_of(path) for number, path in {number: path for path, number in paths.items()}.items()}
    return {path.name: found[number] for path, number in paths.items()}


def digest_of(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _known_digest(path: Path) -> str | None:
    """The same, read once as long as the file is the same one; None where it is gone."""
    mark = _mark_of(path)
    known = _known_digests.get(path)
    if mark is None or (known is not None and known[0] == mark):
        return known[1] if known and mark else None
    try:
        known = (mark, digest_of(path))
    except OSError:
        return None
    if time.time_ns() - mark[2] > _SETTLED:
        _known_digests[path] = known
    return known[1]


_known_days: dict[Path, tuple[Stamp | None, Day]] = {}  # by folder
_known_digests: dict[Path, tuple[Stamp, str]] = {}
