"""The release store: promoted bundles on disk, from which alone serving reads.

HOME/releases/<use case>/<version>/ holds a bundle, `release.json` and `report.html`; HOME/releases/<use case>/CURRENT
names the version that is served. Both are written under a temporary name, flushed and renamed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from features.spec.atomic import exchange, new_draft, put_in_place, sync, write_file
from scoring.bundle.bundle import MANIFEST, Bundle, canonical_json, load_bundle, load_manifest
from scoring.bundle.manifest import Manifest
from scoring.errors import BundleError
from scoring.releases.current_pointer import CURRENT, NAME, required_version

RELEASE = "release.json"
REPORT = "report.html"


class ReleaseFacts(Struct, frozen=True):
    """`release.json`: what a release says of itself, and when and from what it was made."""

    manifest_sha256: str
    name: str | None = None
    version: str | None = None
    registered_at: str | None = None
    run_id: str | None = None


_facts = msgspec.json.Decoder(ReleaseFacts).decode  # the type is looked up here, before threads use it


@dataclass(frozen=True)
class Release:
    """A bundle with the version it has in the registry."""

    version: str
    folder: Path
    facts: ReleaseFacts
    bundle: Bundle


def release_folder(home: Path, name: str, version: str) -> Path:
    """Where a version stands."""
    if not (NAME.fullmatch(name) and NAME.fullmatch(version)):
        raise BundleError("A use case and a version are named in letters, digits, -, _ and dots, got something else.")
    return home / "releases" / name / version


def load_release(
    home: Path, name: str, *, version: str | None = None, threads: int = 0, prepared: bool = True
) -> Release:
    """The current release of a use case, or the version asked for; every hash checked before parsing.

    `threads` and `prepared` are those of `load_bundle`.

    Raises:
        BundleError: There is none, or it is not what it says it is.
    """
    version = version or required_version(home, name)
    folder = release_folder(home, name, version)
    facts = read_facts(folder)
    if facts.name != name or facts.version != version:
        raise BundleError(f"The release in folder {name}/{version} must say so itself, got another name or version.")
    bundle = load_bundle(folder, manifest_sha256=facts.manifest_sha256, threads=threads, prepared=prepared)
    if bundle.name != name:
        raise BundleError(f"The bundle in folder {name}/{version} must be of {name}, got another use case.")
    return Release(version, folder, facts, bundle)


def manifest_of(home: Path, name: str, *, version: str | None = None) -> Manifest | None:
    """The manifest of the current release of a use case, or of a version; None where it is gone or broken."""
    try:
        folder = release_folder(home, name, version or required_version(home, name))
        return load_manifest(folder, read_facts(folder).manifest_sha256)
    except BundleError:
        return None


def read_facts(folder: Path) -> ReleaseFacts:
    """`release.json`: name, version, the manifest's sha256, when and from what it was released."""
    path = folder / RELEASE
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise BundleError(f"{RELEASE} must be a file, got something else of that name.")
    try:
        return _facts(path.read_bytes())
    except msgspec.ValidationError as error:
        raise BundleError(f"{RELEASE} must name the manifest's sha256, got none.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"A release needs a {RELEASE} in JSON, got {type(error).__name__}.") from error


def install_release(
    home: Path, name: str, version: str, bundle: Path, *, report: bytes | None = None, facts: Mapping[str, str | None]
) -> Path:
    """Stores a bundle as a version and returns its folder; does not make it current.

    The same input gives the same bytes. A version that stands there already is replaced whole.
    """
    files = {path.name: path.read_bytes() for path in sorted(bundle.iterdir())}
    sealed = hashlib.sha256(files[MANIFEST]).hexdigest()
    files[RELEASE] = canonical_json({**facts, "name": name, "version": version, "manifest_sha256": sealed})
    if report is not None:
        files[REPORT] = report
    folder = release_folder(home, name, version)
    write_folder(folder, files)
    return folder


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a folder whole: under a temporary name, flushed, then renamed."""
    with new_draft(folder, folder=True) as (draft, _):
        for name, content in files.items():
            (draft / name).write_bytes(content)
        _replace_folder(draft, folder)


def _replace_folder(draft: Path, folder: Path) -> None:
    """Renames the draft to its place; a folder that holds the same bytes already is left alone."""
    if not folder.exists():
        put_in_place(draft, folder)
    elif _bytes_of(folder) != _bytes_of(draft):
        for path in (*draft.iterdir(), draft):
            sync(path)
        exchange(draft, folder)  # what stood there is the draft now, and goes as one


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def make_current(home: Path, name: str, version: str) -> None:
    """Names the version that is served from now on."""
    make_current_in(release_folder(home, name, version).parent, version)


def make_current_in(versions: Path, version: str) -> None:
    """Points the CURRENT of a folder of versions at one, at once and for good."""
    write_file(versions / CURRENT, f"{version}\n".encode())
