"""The ledger of who must not come back: the trail with its key, and whom tools report as unsubscribed.

It is small, and copied more often than the home. A copy only ever goes forward: one that holds lines which the trail of
the home does not is never written over.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from features.spec.atomic import draft_of, write_file
from penchant.backup.backup_manifest import BackupError
from scoring.audiences.deliveries.contact_stops import FILE as STOPS
from scoring.audiences.deliveries.contact_stops import merge_stops
from scoring.privacy.audit_trail import FILE as TRAIL
from scoring.privacy.audit_trail import HEAD_FILE, TrailHead, head_of, one_writer_of
from scoring.privacy.suppression import KEY_FILE
from scoring.privacy.trail_check import checked_trail, holds

LEDGER = "ledger"  # its folder's name beside the backups


def copy_ledger(home: Path, into: Path) -> TrailHead:
    """Brings a copy of the ledger up to the home's; returns the last line that it has now.

    Raises:
        BackupError: The copy is of another home, or has lines that this home has lost.
        OSError: It cannot be read or written; what was copied before is whole.
        sqlite3.Error: The same.
    """
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_goes_on(home, into)
    if (home / KEY_FILE).exists():
        write_file(into / KEY_FILE, (home / KEY_FILE).read_bytes(), mode=0o600)
    if (home / STOPS).exists():
        copy_database(home / STOPS, into / STOPS)
    copy_trail(home, into)
    return head_of(into)


def copy_trail(home: Path, into: Path) -> None:
    """Copies the trail and its head as they are at one moment, where there is a trail; raises OSError."""
    if not (home / TRAIL).exists():
        return
    with one_writer_of(home):
        write_file(into / TRAIL, (home / TRAIL).read_bytes(), mode=0o600)
        write_file(into / HEAD_FILE, (home / HEAD_FILE).read_bytes(), mode=0o600)


def copy_database(source: Path, target: Path) -> None:
    """A copy of a SQLite file as it is at one moment, whoever writes to it meanwhile.

    Raises:
        sqlite3.Error: It cannot be read.
        OSError: The copy cannot be written.
    """
    address = f"{source.resolve().as_uri()}?mode=ro"
    with (
        draft_of(target, mode=0o600) as draft,
        closing(sqlite3.connect(draft)) as copy,
        closing(sqlite3.connect(address, uri=True)) as opened,
    ):
        opened.backup(copy)


def newer_ledger(home: Path, ledger: Path) -> None:
    """Puts a copy of the ledger that is newer than a home's own in its place; an older one changes nothing.

    Raises:
        BackupError: It is damaged, or neither goes on from the other.
        OSError: It cannot be read, or the home not be written.
        sqlite3.Error: The same.
    """
    trail = checked_trail(ledger)
    if not (ledger / TRAIL).exists() or trail.faults:
        lines = ", ".join(str(fault.n) for fault in trail.faults) or "none is there"
        raise BackupError([f"{ledger / TRAIL}: must be whole, it is not (lines: {lines})"])
    _check_same_key(home, ledger)
    newer, older = holds(ledger, head_of(home)), holds(home, trail.head)
    if not (newer or older):
        raise BackupError([f"{ledger / TRAIL}: must go on from the trail of the backup, it is of another"])
    if newer:
        for name in (KEY_FILE, TRAIL, HEAD_FILE):
            shutil.copyfile(ledger / name, home / name)
    if (ledger / STOPS).exists():
        merge_stops(home, ledger / STOPS)


def _check_goes_on(home: Path, into: Path) -> None:
    """Refuses a copy that has what the home has not."""
    _check_same_key(home, into)
    if not holds(home, head_of(into)):
        raise BackupError([f"{into / TRAIL}: must go back to the trail of this home, it has lines that the home lacks"])


def _check_same_key(one: Path, other: Path) -> None:
    keys = [path.read_bytes() for path in (one / KEY_FILE, other / KEY_FILE) if path.exists()]
    if len(keys) == 2 and keys[0] != keys[1]:
        raise BackupError([f"{other / KEY_FILE}: must be the key of this home, it is another home's"])
