"""A bundle: a folder with all that scoring needs, every file sealed by its size and sha256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from features.spec.feature import Feature, Json, Polarity, Predicate, Scalar
from scoring.bundle.families import Families
from scoring.bundle.manifest import FORMAT, Manifest, Seal, read_manifest
from scoring.errors import BundleError
from scoring.models.bands import Ladder
from scoring.models.calibration import Calibration
from scoring.models.model import Model
from scoring.models.stored_model import model_files, parse_model
from scoring.models.value_model import FORMULA_FILE, TREES_FILE, ValueModel, parse_value

MANIFEST = "manifest.json"


class GoldenRow(Struct, frozen=True):
    """A synthetic row that travels with a bundle, and what its model must say of it."""

    band: str  # the code
    features: Mapping[str, Scalar]  # as they could be posted
    probability: float
    uplift: float | None = None  # the difference of both probabilities, where the bundle serves it
    value: float | None = None  # what the customer is expected to bring, where the bundle serves it


_golden_row = msgspec.json.Decoder(GoldenRow).decode  # the type is looked up here, as those of `manifest`


@dataclass(frozen=True)
class Bundle:
    """A use case's model with everything that gives its numbers a meaning."""

    manifest: Manifest
    model: Model
    golden: tuple[GoldenRow, ...]
    files: Mapping[str, bytes]  # every other sealed file, as it was read and checked
    control: Model | None = None  # of customers who were not treated, where the effect of a contact is served
    value: ValueModel | None = None  # of what customers will bring, where that is served

    @property
    def name(self) -> str:
        """The use case."""
        return self.manifest.name

    @property
    def polarity(self) -> Polarity:
        """`positive` where a high score is good news."""
        return self.manifest.polarity

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of a row, in order."""
        return self.manifest.features

    @property
    def calibration(self) -> Calibration:
        """The affine map from margin to calibrated log-odds."""
        return self.manifest.calibration

    @cached_property
    def ladder(self) -> Ladder:
        """The bands and their thresholds."""
        return Ladder(self.manifest.bands.codes, self.manifest.bands.thresholds)

    @cached_property
    def boundaries(self) -> NDArray[np.float64]:
        """The 99 probabilities at which the percentile steps up."""
        return np.asarray(self.manifest.boundaries, dtype=np.float64)

    @property
    def eligible(self) -> Predicate | None:
        """Whom the model speaks of; None: everyone."""
        return self.manifest.eligible

    @cached_property
    def forbidden(self) -> frozenset[str]:
        """Features that are used and never named."""
        return frozenset(self.manifest.forbid)

    @cached_property
    def families(self) -> Families:
        """The features that share one reason; of a bundle from before there were families each feature alone."""
        names = [feature.name for feature in self.features]
        return Families.of(names, self.manifest.families or {}, self.forbidden)


def canonical_json(document: Any) -> bytes:
    """The one way a JSON file of a bundle is written: sorted keys, no NaN, UTF-8, a line end."""
    text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def seal(content: bytes) -> Seal:
    """A file's size and sha256 as they stand in a manifest."""
    return Seal(hashlib.sha256(content).hexdigest(), len(content))


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Writes the files and the manifest that seals them; the same input gives the same bytes.

    The manifest's own `files` are replaced. The folder must not hold anything yet.
    """
    sealed = replace(manifest, files={name: seal(content) for name, content in files.items()})
    write_sealed(folder, msgspec.to_builtins(sealed, enc_hook=float), files)  # numpy's numbers are written as Python's


def write_sealed(folder: Path, document: Mapping[str, Json], files: Mapping[str, bytes]) -> None:
    """Writes files and the manifest that seals them into a folder that must not hold anything yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BundleError(
            f"A bundle is written into an empty folder, got one with {len(list(folder.iterdir()))} files."
        )
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / MANIFEST).write_bytes(canonical_json(document))


def load_bundle(folder: Path, *, manifest_sha256: str | None = None, threads: int = 0, prepared: bool = True) -> Bundle:
    """The bundle in a folder, its sizes and hashes checked before anything but the manifest is parsed.

    Args:
        folder: The bundle's folder.
        manifest_sha256: What the manifest itself must hash to, where the caller knows.
        threads: Threads for large batches; 0 takes all.
        prepared: Whether it is made ready for single rows and for reasons.

    Raises:
        BundleError: A file is missing, added, or not the one that was sealed, or does not parse.
    """
    stored, files = read_sealed(folder, manifest_sha256)
    manifest = read_manifest(stored)
    of_model = model_files(files)
    if not of_model:
        raise BundleError(f"A bundle's model must be of a kind known to this revision, got {manifest.kind}.")
    try:
        model = parse_model(of_model, threads=threads, prepared=prepared)
        control = _control(manifest, files, threads, prepared)
        value = _value(manifest, files, threads)
        golden = tuple(_golden_row(line) for line in files["golden.jsonl"].splitlines())
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"A bundle must hold a model and golden rows, got {type(error).__name__}.") from error
    others = (*of_model, TREES_FILE, FORMULA_FILE)
    kept = {name: content for name, content in files.items() if name not in others and not name.startswith("control.")}
    return Bundle(manifest, model, golden, kept, control, value)


def _control(manifest: Manifest, files: Mapping[str, bytes], threads: int, prepared: bool) -> Model | None:
    part = manifest.uplift
    return parse_model({part.file: files[part.file]}, threads=threads, prepared=prepared) if part else None


def read_sealed(folder: Path, manifest_sha256: str | None = None) -> tuple[dict[str, Json], dict[str, bytes]]:
    """The parsed manifest of any kind of bundle, and the files that it seals, each the one that was sealed.

    Raises:
        BundleError: A file is missing, added, or not the one that was sealed.
    """
    stored = _stored_manifest(folder, manifest_sha256)
    return stored, _read_sealed(folder, _seals(stored))


def _value(manifest: Manifest, files: Mapping[str, bytes], threads: int) -> ValueModel | None:
    if not manifest.value:
        return None
    names = [feature.name for feature in manifest.features]
    return parse_value({manifest.value.file: files[manifest.value.file]}, names, threads=threads)


def load_manifest(folder: Path, sha256: str) -> Manifest:
    """The manifest of a bundle alone, checked against its hash. Raises as `load_bundle` does."""
    return read_manifest(_stored_manifest(folder, sha256))


def _stored_manifest(folder: Path, sha256: str | None) -> dict[str, Json]:
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"A bundle needs a {MANIFEST}, got none.")
    content = path.read_bytes()
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(f"{MANIFEST} must have the sha256 its release names, got another.")
    try:
        stored = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{MANIFEST} must be JSON, got {len(content)} bytes that are not.") from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise BundleError(f"{MANIFEST} must be of format {FORMAT}.")
    return stored


def _seals(stored: Mapping[str, Json]) -> dict[str, Seal]:
    try:
        return msgspec.convert(stored.get("files"), dict[str, Seal])
    except msgspec.ValidationError as error:
        raise BundleError(f"{MANIFEST} must name every file with its size and sha256, got something else.") from error


def _read_sealed(folder: Path, sealed: Mapping[str, Seal]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    broken = []
    for name, expected in sorted(sealed.items()):
        path = folder / name
        if Path(name).name != name or not path.is_file():
            broken.append(f"{name} is missing")
        elif path.stat().st_size != expected.size:
            broken.append(f"{name} has {path.stat().st_size} bytes instead of {expected.size}")
        else:
            files[name] = path.read_bytes()
            if hashlib.sha256(files[name]).hexdigest() != expected.sha256:
                broken.append(f"{name} has another sha256")
    if broken:
        raise BundleError(f"Every file of a bundle must be the one that was sealed: {'; '.join(broken)}.")
    return files
