"""A source made of files, landed file by file: what is as it was stays, what is new is read, what is gone goes.

So rows that were changed or deleted are found each time, and a full read gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.landing.copies import link, part_name
from features.landing.manifest import LandedPart, file_sha256
from features.landing.ports import FileSource, SourceFile


def land_files(
    source: FileSource,
    files: Sequence[SourceFile],
    schema: pa.Schema,
    target: Path,
    work: Path,
    known: dict[str, Path],
) -> tuple[tuple[LandedPart, ...], int]:
    """Writes a part for each file, and says how many rows of those that were read cannot be.

    Args:
        source: Where they are.
        files: In order.
        schema: Of all of them.
        target: A new folder for the parts.
        work: Where each file lands first: a killed ingest goes on from there.
        known: Parts that landed before, by the identity of the file.
    """
    parts, unreadable = [], 0
    for number, file in enumerate(files):
        path = target / part_name(number)
        done = known.get(file.identity) or work / _landed_name(file, schema)
        if not done.exists():
            draft = done.with_suffix(".draft")
            draft.unlink(missing_ok=True)
            unreadable += source.land(file, draft, schema)
            draft.rename(done)
        link(done, path)
        parts.append(LandedPart(path.name, pq.read_metadata(path).num_rows, file_sha256(path), file.identity))
    return tuple(parts), unreadable


def _landed_name(file: SourceFile, schema: pa.Schema) -> str:
    """Another for another file, or for other columns."""
    return hashlib.sha256(f"{file.identity}\n{schema}".encode()).hexdigest()[:32] + ".parquet"
