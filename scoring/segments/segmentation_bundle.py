"""The bundle of a segmentation: learned clusters with their features and evidence, sealed as a model's bundle is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace
from numpy.typing import NDArray

from features.spec.feature import Feature, Json, Scalar
from scoring.bundle.bundle import read_sealed, seal, write_sealed
from scoring.bundle.manifest import FORMAT, Digests, Seal
from scoring.errors import BundleError
from scoring.segments.learned import LearnedSegments, NearestCentroid, read_learned

KIND: Literal["segmentation"] = "segmentation"
LEARNED, GOLDEN, PERSONAS = "segments.json", "golden.jsonl", "personas.json"
TOLERANCE = 1e-9  # on the margin of a golden row

Verdict = Literal["clusters", "slices", "none"]


class SegmentationReceipt(Struct, frozen=True):
    """Proof that reasons add up to margins, over the customers that were learned from."""

    golden_rows: int = 0
    largest_sum_difference: float = 0.0
    rows: int = 0


class SegmentationManifest(Struct, frozen=True, kw_only=True):
    """All that a segmentation says of itself."""

    code_revision: str
    digests: Digests
    features: tuple[Feature, ...]  # that are read, as the table of a use case has them
    files: dict[str, Seal] = {}
    forbid: tuple[str, ...] = ()  # features that are used and never named
    format: int = FORMAT
    kind: Literal["segmentation"] = KIND
    labels: dict[str, dict[str, dict[str, str]]] | UnsetType = UNSET  # of values: by language, feature and value
    method: str
    name: str
    params: dict[str, Scalar] = {}
    receipt: SegmentationReceipt = SegmentationReceipt()
    rows: int  # customers learned from
    sizes: dict[str, int]  # of them, by code
    source: Literal["log", "table"]
    trained_to: str | None = None
    used_codes: tuple[str, ...] = ()  # that earlier versions had, the present ones among them: none is given again
    verdict: Verdict
    versions: dict[str, str] = {}


class GoldenCustomer(Struct, frozen=True):
    """A made-up row that travels with a segmentation, and what must be said of it."""

    code: str
    features: dict[str, float | str | None]  # as they are read: numbers, and categories as texts
    margin: float


_golden = msgspec.json.Decoder(GoldenCustomer).decode  # looked up now: two threads that are the first crash msgspec
msgspec.json.Decoder(SegmentationManifest)


@dataclass(frozen=True)
class Segmentation:
    """A segmentation with everything that gives its codes a meaning."""

    manifest: SegmentationManifest
    learned: LearnedSegments
    nearest: NearestCentroid
    golden: tuple[GoldenCustomer, ...]
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.manifest.name


def write_segmentation(folder: Path, manifest: SegmentationManifest, files: Mapping[str, bytes]) -> None:
    """Writes the bundle into an empty folder; the same input gives the same bytes."""
    sealed = replace(manifest, files={name: seal(content) for name, content in files.items()})
    write_sealed(folder, msgspec.to_builtins(sealed, enc_hook=float), files)


def is_segmentation(folder: Path) -> bool:
    """Whether the bundle in a folder is of this kind; one that cannot be read is not."""
    try:
        stored: Json = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(stored, dict) and stored.get("kind") == KIND


def load_segmentation_bundle(folder: Path, *, manifest_sha256: str | None = None) -> Segmentation:
    """The segmentation in a folder, its hashes checked and its golden rows reproduced.

    Raises:
        BundleError: A file is missing, added or not the one that was sealed, or a golden row comes out otherwise.
    """
    stored, files = read_sealed(folder, manifest_sha256)
    try:
        manifest = msgspec.convert(stored, SegmentationManifest)
        learned = read_learned(files[LEARNED])
        golden = tuple(_golden(line) for line in files[GOLDEN].splitlines())
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise BundleError(f"A segmentation must hold clusters and golden rows, got {type(error).__name__}.") from error
    known = {feature.name for feature in manifest.features}
    if strangers := [name for name in learned.names if name not in known]:
        raise BundleError(f"Clusters read features that their bundle describes, got {len(strangers)} that it does not.")
    found = Segmentation(manifest, learned, NearestCentroid(learned), golden, files)
    replay_segmentation(found)
    return found


def replay_segmentation(segmentation: Segmentation) -> int:
    """Assigns the golden rows anew; returns how many there are.

    Raises:
        BundleError: There is none, or a code or a margin is another.
    """
    golden = segmentation.golden
    if not golden:
        raise BundleError("A segmentation needs golden rows, got none.")
    nearest = segmentation.nearest
    try:
        found = nearest.assign(nearest.raw_of(columns_of([row.features for row in golden], segmentation.learned)))
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"A golden row must hold what clusters read, got {type(error).__name__}.") from error
    codes = [segmentation.learned.codes[position] for position in found.which.tolist()]
    pairs = zip(golden, codes, found.margin.tolist(), strict=True)
    differing = sum(row.code != code or abs(row.margin - margin) > TOLERANCE for row, code, margin in pairs)
    if differing:
        raise BundleError(f"Every golden row must be reproduced, {differing} of {len(golden)} were not.")
    return len(golden)


def columns_of(
    rows: Sequence[Mapping[str, float | str | None]], learned: LearnedSegments
) -> dict[str, NDArray[np.float64] | NDArray[np.object_]]:
    """Rows by name as the columns that `NearestCentroid.raw_of` takes."""
    texts = {one.name for one in learned.features if one.kind == "level"}
    columns: dict[str, NDArray[np.float64] | NDArray[np.object_]] = {}
    for name in learned.names:
        values = [row[name] for row in rows]
        if name in texts or any(isinstance(value, str) for value in values):
            columns[name] = np.asarray(values, dtype=object)
        else:
            columns[name] = np.asarray([np.nan if value is None else value for value in values], np.float64)
    return columns
