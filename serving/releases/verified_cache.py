"""Releases that a child has verified already for a worker of this server: the same bytes need no second child.

A worker that replaces a dead one then answers a second or two sooner. What is remembered is the hash of `release.json`,
which holds the manifest's, which holds every file's; the loader checks them all again.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from scoring.releases.store import RELEASE, release_folder
from serving.telemetry import worker_totals as tally

_LARGEST = 1024 * 1024  # bytes of a release.json that are looked at


def mark_of(home: Path, name: str, version: str) -> Path | None:
    """The file that stands where this very release has been proved; None where nothing can be remembered."""
    shared, path = tally.folder(), release_folder(home, name, version) / RELEASE
    with suppress(OSError):
        if shared is not None and path.is_file() and path.stat().st_size <= _LARGEST:
            return shared / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.proved"
    return None


def remember(mark: Path | None) -> None:
    """From now on the release is known; a disk that is full costs a child, nothing else."""
    with suppress(OSError):
        if mark is not None:
            mark.touch()
