"""CURRENT: which version of each use case is released; read without loading any library.

HOME/releases/<use case>/CURRENT is a text file that names one version. Segmentations stand there too, each with a file
SEGMENTATION beside its CURRENT, so that whatever knows only scores passes them over.
"""

from __future__ import annotations

import re
from pathlib import Path

from scoring.errors import BundleError

CURRENT = "CURRENT"
SEGMENTATION = "SEGMENTATION"  # marks the folder of a segmentation
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")  # as a use case or a version may be named
_LONGEST = 100  # bytes of CURRENT that are read: more than any version has


def released_use_cases(home: Path) -> list[str]:
    """The use cases that have a current release, in order of name."""
    return [path.name for path in _released(home) if not (path / SEGMENTATION).exists()]


def released_segmentations(home: Path) -> list[str]:
    """The segmentations that have a current release, in order of name."""
    return [path.name for path in _released(home) if (path / SEGMENTATION).exists()]


def names_segmentation(home: Path, name: str) -> bool:
    """Whether a name is a segmentation's, in service or not."""
    return (home / "releases" / name / SEGMENTATION).exists()


def _released(home: Path) -> list[Path]:
    releases = home / "releases"
    if not releases.is_dir():
        return []
    return sorted(path for path in releases.iterdir() if NAME.fullmatch(path.name) and (path / CURRENT).is_file())


def current_version(home: Path, name: str) -> str | None:
    """The version that CURRENT names; None where nothing is released."""
    try:
        with (home / "releases" / name / CURRENT).open("rb") as file:
            version = file.read(_LONGEST).decode(errors="replace").strip()
    except FileNotFoundError:
        return None
    if not NAME.fullmatch(version):
        raise BundleError(f"{CURRENT} of {name} must name one version, got something else.")
    return version


def required_version(home: Path, name: str) -> str:
    """The version that CURRENT names.

    Raises:
        BundleError: Nothing is released of this use case.
    """
    version = current_version(home, name)
    if version is None:
        raise BundleError(f"A use case needs a release, {name} has none yet; train it first.")
    return version
