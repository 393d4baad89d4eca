"""A copy of a home that serves: databases as of one moment, files once they hold still, the trail last."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from features.spec.atomic import new_draft, put_in_place, remove_orphans, sync
from penchant.backup.backup_manifest import (
    FILES,
    MANIFEST,
    BackedUpFile,
    BackupError,
    BackupManifest,
    digest_of_file,
)
from penchant.backup.ledger_copy import LEDGER, copy_database, copy_ledger, copy_trail
from scoring.population.days import PopulationBusyError, only_writer
from scoring.privacy.audit_trail import FILE as TRAIL
from scoring.privacy.audit_trail import HEAD_FILE, head_of

_LEFT_OUT = re.compile(  # drafts, locks, what SQLite keeps beside its files, steps of days, what signs console sessions
    r"(.*/)?(\.[^/]+\.tmp|[^/]*\.lock|[^/]+\.db-(wal|shm|journal)|\.unfinished)(/.*)?|population/runs/.*|sessions\.json"
)
_DATABASE = re.compile(r"[^/]+\.db")
_NAME = re.compile(r"penchant-\d{8}T\d{6}Z")
PATIENCE = 30.0  # seconds that a backup waits for whoever writes days
_PASSES = 10  # until two in a row must have found the same
Stamp = tuple[int, int, int]


def back_up(home: Path, into: Path, *, keep: int | None = None) -> Path:
    """Copies a home into a new folder of `into`, and its ledger beside it; returns the folder.

    Args:
        home: What is copied; a server may answer from it meanwhile, a daily run may not be under way.
        into: Where backups of this home lie, and of no other.
        keep: How many backups are kept there, the newest; None: all.

    Raises:
        PopulationBusyError: A daily run is under way.
        BackupError: The ledger beside it is of another home, it lies in the home, or files change faster than they can
            be copied.
        OSError: Something cannot be read or written; then there is no new backup.
        sqlite3.Error: The same.
    """
    if into.resolve().is_relative_to(home.resolve()):
        raise BackupError([f"{into}: must lie outside the home, it is in it"])
    now = datetime.now(UTC)
    target = into / f"penchant-{now:%Y%m%dT%H%M%SZ}"
    remove_orphans(into)
    copy_ledger(home, into / LEDGER)  # first: what a backup has is never younger than the ledger beside it
    with new_draft(target, folder=True) as (draft, release), _alone(home):
        draft.chmod(0o700)
        copy = draft / FILES
        copy.mkdir(mode=0o700)
        _copy_databases(home, copy)
        _copy_files(home, copy)
        copy_trail(home, copy)
        files = [BackedUpFile(name, *digest_of_file(copy / name)) for name in sorted(_names(copy))]
        manifest = BackupManifest(_iso(now), str(home.resolve()), head_of(copy), files)
        (draft / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        sync_below(draft)
        release()
        put_in_place(draft, target)
    copy_ledger(home, into / LEDGER)
    if keep is not None:
        _remove_older(into, keep)
    return target


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """The lock of those who write days; a server that erases somebody has it for a moment only."""
    latest = time.monotonic() + PATIENCE
    with ExitStack() as lock:
        while True:
            try:
                lock.enter_context(only_writer(home))
                break
            except PopulationBusyError:
                if time.monotonic() > latest:
                    raise
                time.sleep(0.2)
        yield


def backups_in(into: Path) -> list[Path]:
    """The whole backups of a folder, the oldest first."""
    return sorted(path for path in into.glob("penchant-*") if _NAME.fullmatch(path.name) and path.is_dir())


def _copy_databases(home: Path, copy: Path) -> None:
    for name in _names(home):
        if _DATABASE.fullmatch(name):
            copy_database(home / name, copy / name)


def _copy_files(home: Path, copy: Path) -> None:
    """Copies what is no database, again where it changed meanwhile, until a pass finds nothing changed."""
    copied: Mapping[str, Stamp] = {}
    for _ in range(_PASSES):
        found = _stamps(home)
        for name in copied.keys() - found.keys():
            (copy / name).unlink(missing_ok=True)
        changed = [name for name, stamp in found.items() if copied.get(name) != stamp]
        if not changed:
            return
        for name in changed:
            (copy / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # it went, which the next pass sees
                shutil.copy2(home / name, copy / name)
        copied = found
    raise BackupError([f"{home}: must hold still for as long as its files take to copy, it changed {_PASSES} times"])


def _stamps(home: Path) -> dict[str, Stamp]:
    """What tells the files of a home that are copied one by one from what they were; of the trail there is none."""
    found = {}
    for name in _names(home):
        if not _DATABASE.fullmatch(name) and name not in (TRAIL, HEAD_FILE):
            with suppress(FileNotFoundError):
                stat = (home / name).stat()
                found[name] = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    return found


def _names(home: Path) -> Iterator[str]:
    """The files of a home that a backup has, by their path below it."""
    for folder, _, names in os.walk(home):
        below = Path(folder).relative_to(home)
        for name in names:
            path = (below / name).as_posix()
            if not _LEFT_OUT.fullmatch(path) and not (home / path).is_symlink():
                yield path


def sync_below(folder: Path) -> None:
    """Flushes every file below a folder to the disk."""
    for path in folder.rglob("*"):
        sync(path)


def _remove_older(into: Path, keep: int) -> None:
    for path in backups_in(into)[:-keep]:
        (path / MANIFEST).unlink()  # from here on it is none
        shutil.rmtree(path)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
