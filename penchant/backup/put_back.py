"""A backup made a home again: checked, brought up to the ledger, rid of who was erased since, then in place."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from msgspec import Struct

from features.spec.atomic import new_draft, put_in_place, remove_orphans
from penchant.backup.backup_manifest import FILES, BackupError, BackupManifest, checked_backup
from penchant.backup.copy_home import sync_below
from penchant.backup.ledger_copy import newer_ledger
from penchant.retention.returned import erase_returned
from scoring.privacy.audit_trail import Actor
from scoring.privacy.marks_of_trail import mark_by_trail
from serving.customers.housekeeping import finish_erasures

_REGISTRY = "mlflow.db"
_PLACES = {  # columns of MLflow's tables that name a folder of the home
    "experiments": ("artifact_location",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
    "runs": ("artifact_uri",),
}


class Restored(Struct, frozen=True):
    """What a restore did."""

    home: str
    made: str  # when the backup was, ISO 8601
    files: int
    marked: int  # customers of whom an erasure or an objection since then holds again
    erased: int  # customers of whom something had come back, and is gone


def restore(backup: Path, home: Path, by: Actor, *, ledger: Path | None) -> Restored:
    """Makes a home of a backup; it has its name once nobody who was erased or objected since is in it.

    Args:
        backup: A folder that `back_up` wrote.
        home: Where nothing is yet.
        by: Who asks.
        ledger: The newest copy of the home's ledger; None: there is none newer than the backup.

    Raises:
        BackupError: The backup or the ledger is damaged or they are of two homes, or there is a home already.
        OSError: Something cannot be read or written; then there is no new home.
        sqlite3.Error: The same.
        SuppressionError: The backup lacks the key of its hashes.
    """
    if home.exists() and any(home.iterdir()):
        raise BackupError([f"{home}: must be a place where nothing is yet, there are files"])
    manifest = checked_backup(backup)
    remove_orphans(home.parent)
    with new_draft(home, folder=True) as (draft, release):
        _copy(backup, manifest, draft)
        if ledger is not None:
            newer_ledger(draft, ledger)
        marked = len(mark_by_trail(draft))
        erased = erase_returned(draft, by)
        finish_erasures(draft, at_once=True)
        _move_registry(draft / _REGISTRY, Path(manifest.home), home.resolve())
        sync_below(draft)
        release()
        with suppress(FileNotFoundError):
            home.rmdir()
        put_in_place(draft, home)
    return Restored(str(home), manifest.made, len(manifest.files), marked, erased)


def _copy(backup: Path, manifest: BackupManifest, draft: Path) -> None:
    draft.chmod(0o700)
    for one in manifest.files:
        target = draft / one.path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(backup / FILES / one.path, target)


def _move_registry(database: Path, before: Path, now: Path) -> None:
    """Lets MLflow find its artifacts where the home is now."""
    if before == now or not database.exists():
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, columns in _PLACES.items():
            there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for column in there & set(columns):
                for old, new in ((before.as_uri(), now.as_uri()), (str(before), str(now))):
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608 both from the table above
                        (f"{new}/", len(old) + 2, len(old) + 1, f"{old}/"),
                    )
