"""Released segmentations: HOME/releases/NAME/VERSION/ as a model's release is, marked as of another kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from features.spec.atomic import write_file
from scoring.errors import BundleError
from scoring.releases.current_pointer import SEGMENTATION, released_segmentations, required_version
from scoring.releases.store import ReleaseFacts, read_facts, release_folder
from scoring.segments.segmentation_bundle import Segmentation, load_segmentation_bundle


@dataclass(frozen=True)
class SegmentationRelease:
    """A segmentation with the version it has in the registry."""

    version: str
    folder: Path
    facts: ReleaseFacts
    bundle: Segmentation


def load_segmentation(home: Path, name: str, *, version: str | None = None) -> SegmentationRelease:
    """The current release of a segmentation, or the version asked for, proved on its golden rows.

    Raises:
        BundleError: There is none, or it is not what it says it is.
    """
    version = version or required_version(home, name)
    folder = release_folder(home, name, version)
    facts = read_facts(folder)
    if facts.name != name or facts.version != version:
        raise BundleError(f"The release in folder {name}/{version} must say so itself, got another name or version.")
    bundle = load_segmentation_bundle(folder, manifest_sha256=facts.manifest_sha256)
    if bundle.name != name:
        raise BundleError(f"The bundle in folder {name}/{version} must be of {name}, got another segmentation.")
    return SegmentationRelease(version, folder, facts, bundle)


def load_segmentations(home: Path) -> dict[str, SegmentationRelease]:
    """The current release of every segmentation, by name; raises as `load_segmentation`."""
    return {name: load_segmentation(home, name) for name in released_segmentations(home)}


def mark_segmentation(home: Path, name: str) -> None:
    """Marks the folder of a name as a segmentation's, before a version of it is made current."""
    write_file(home / "releases" / name / SEGMENTATION, b"segmentation\n")
