"""The manifest of a landed copy: what it is made of and how far it reaches, beside the rows."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pyarrow as pa
from msgspec import Struct

from features.config.origins.addresses import current_number, source_folder

MANIFEST = "manifest.json"


class LandedPart(Struct, frozen=True):
    """A file of the copy."""

    name: str
    rows: int
    sha256: str
    of: str = ""  # the identity of the source's file that it is a copy of


class LandedManifest(Struct, frozen=True, kw_only=True):
    """What a landed copy is."""

    source: str
    address: str  # redacted
    columns: dict[str, str]  # types by name, in order
    schema_digest: str
    rows: int
    digest: str  # of the parts
    parts: tuple[LandedPart, ...]
    watermark: str | None = None
    snapshot: str | None = None
    fresh_to: str | None = None  # ISO moment of the latest row, or of the source's last change
    read_at: str  # ISO moment
    full_at: str  # ISO moment at which all was last compared
    unreadable: int = 0  # rows of CSV files that could not be read
    customers: tuple[str, ...] = ()  # columns that hold ids of customers
    erased: str | None = None  # digest of the list of those who were erased that it was cleared of


def read_manifest(home: Path, source: str) -> LandedManifest | None:
    """The manifest of the copy that counts; None where nothing has landed, or what did is damaged."""
    number = current_number(home, source)
    if number is None:
        return None
    try:
        return _DECODE((source_folder(home, source) / number / MANIFEST).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def write_manifest(folder: Path, manifest: LandedManifest) -> None:
    """Writes it beside the rows of a copy."""
    encoded = msgspec.json.encode(manifest)
    (folder / MANIFEST).write_bytes(msgspec.json.format(encoded, indent=1) + b"\n")


def columns_of(schema: pa.Schema) -> dict[str, str]:
    """The types of columns by their names."""
    return {field.name: str(field.type) for field in schema}


def schema_digest(columns: dict[str, str]) -> str:
    """The sha256 of the columns' names and types, in order."""
    return hashlib.sha256(msgspec.json.encode(list(columns.items()))).hexdigest()


def digest_of_parts(parts: tuple[LandedPart, ...]) -> str:
    """The sha256 of the bytes of all rows."""
    return hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# msgspec looks a type up when it is first used, and crashes where two threads do that at once: here it is done before.
_DECODE = msgspec.json.Decoder(LandedManifest).decode
