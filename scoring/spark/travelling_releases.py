"""The releases that a run scores with, as one archive for the machines of a cluster, each checked before it is opened.

What an archive holds is laid out as in a home: HOME/releases/NAME/VERSION/ and CURRENT. The report stays at home.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from scoring.answers.served_release import Live, open_live
from scoring.bundle.bundle import MANIFEST
from scoring.errors import BundleError
from scoring.releases.current_pointer import required_version
from scoring.releases.store import REPORT, make_current, release_folder
from scoring.segments.segmentation_release import mark_segmentation

ARCHIVE = "penchant-releases"  # what executors know it by


def pack_releases(live: Mapping[str, Live], folder: Path) -> Path:
    """Packs copies of the releases, and of the segmentations that read their rows, into an archive in a folder."""
    home = folder / "home"
    for name, served in live.items():
        _copy(home, name, served.release.version, served.release.folder)
        for segmentation, one in served.discovering.items():
            _copy(home, segmentation, one.release.version, one.release.folder)
            mark_segmentation(home, segmentation)
    return Path(shutil.make_archive(str(folder / ARCHIVE), "zip", home))


def seals_of(live: Mapping[str, Live]) -> dict[str, str]:
    """The sha256 of each manifest that an archive of these releases must have, by name."""
    found = {name: served.release.facts.manifest_sha256 for name, served in live.items()}
    for served in live.values():
        found |= {name: one.release.facts.manifest_sha256 for name, one in served.discovering.items()}
    return found


def open_copy(
    home: Path, use_cases: list[str], seals: Mapping[str, str], *, threads: int, prepared: bool
) -> dict[str, Live]:
    """The releases of an unpacked archive, each file checked against the manifest that the driver has checked.

    Raises:
        BundleError: A file is missing, or not the one that was sealed, or the model cannot repeat its golden rows.
    """
    for name, seal in seals.items():
        path = release_folder(home, name, required_version(home, name)) / MANIFEST
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != seal:
            raise BundleError(f"The copy of {name} on a worker must be the one that was sent, got another {MANIFEST}.")
    return open_live(home, use_cases, threads=threads, prepared=prepared)


def _copy(home: Path, name: str, version: str, source: Path) -> None:
    target = release_folder(home, name, version)
    if not target.exists():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(REPORT))
        make_current(home, name, version)
