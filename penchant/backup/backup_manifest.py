"""What a backup says of itself: every file with its size and sha256, checked before any is used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import Struct

from scoring.privacy.audit_trail import TrailHead

MANIFEST, FILES = "manifest.json", "home"  # names in a backup's folder
FORMAT = 1
_AT_ONCE = 1 << 20


class BackupError(ValueError):
    """A backup, or a copy of the ledger, is not what was written, or not of this home; each broken rule is a line."""

    def __init__(self, broken: list[str]) -> None:
        self.broken = broken
        super().__init__("\n".join(broken))


class BackedUpFile(Struct, frozen=True):
    """One file, by its path below the home in POSIX form."""

    path: str
    size: int
    sha256: str


class BackupManifest(Struct, frozen=True):
    """A whole backup."""

    made: str  # ISO 8601, UTC: when the copy was begun
    home: str  # where the home stood, whose registry names its artifacts by it
    ledger: TrailHead  # the last line of the trail in it
    files: list[BackedUpFile]
    format: int = FORMAT


def digest_of_file(path: Path) -> tuple[int, str]:
    """Size and sha256 of a file, read once. Raises OSError where it cannot be read."""
    found, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_AT_ONCE):
            found.update(block)
            size += len(block)
    return size, found.hexdigest()


def checked_backup(folder: Path) -> BackupManifest:
    """The manifest of a backup all of whose files are as they were written, and which has no other.

    Raises:
        BackupError: Naming every file that is not.
    """
    try:
        manifest = _DECODE((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BackupError([f"{MANIFEST}: must be there; without it this is no whole backup"]) from None
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError([f"{MANIFEST}: must be as `penchant backup` wrote it, got {type(error).__name__}"]) from None
    if manifest.format != FORMAT:
        raise BackupError([f"{MANIFEST}: format must be {FORMAT}, got {manifest.format}"])
    broken = list(_broken(folder / FILES, manifest))
    if broken:
        raise BackupError(broken)
    return manifest


def _broken(files: Path, manifest: BackupManifest) -> Iterator[str]:
    listed = {one.path for one in manifest.files}
    there = {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_symlink() or path.is_file()}
    yield from (f"{path}: must be in {MANIFEST}, it is not" for path in sorted(there - listed))
    for one in manifest.files:
        path = files / one.path
        if not _inside(one.path) or path.is_symlink():
            yield f"{one.path}: must be a plain file below the home"
        elif one.path not in there:
            yield f"{one.path}: must be there, it is not"
        elif path.stat().st_size != one.size or digest_of_file(path)[1] != one.sha256:
            yield f"{one.path}: must have the sha256 of {MANIFEST}, got another"


def _inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and os.sep not in parts


_DECODE = msgspec.json.Decoder(BackupManifest).decode
