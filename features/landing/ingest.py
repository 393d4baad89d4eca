"""A use case's sources, landed: what is new is read, checked, cleared of the erased, and put in service at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from features.config.origins.addresses import FILES, Address
from features.config.origins.origin_sections import Origin
from features.config.use_case import Events, Profiles, Table, UseCase, origins_of
from features.landing.contract import check_columns, check_rows, named_columns
from features.landing.copies import (
    commit,
    current_rows,
    fresh_folder,
    link,
    only_lander,
    remove_others,
)
from features.landing.erased import clear_part, without_erased
from features.landing.land_files import land_files
from features.landing.land_rows import changes, land_rows
from features.landing.manifest import (
    LandedManifest,
    LandedPart,
    columns_of,
    digest_of_parts,
    file_sha256,
    read_manifest,
    schema_digest,
)
from features.landing.ports import FileSource, RowSource
from features.landing.reach import moment_column, reach_of
from features.landing.readers.by_address import files_at, rows_at
from features.sources.engine import engine
from features.spec.suppression_list import Objectors, erased_of

Reading = Literal["full", "incremental", "unchanged"]


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of one source."""

    manifest: LandedManifest
    read: Reading
    rows_before: int | None = None  # None: it landed for the first time
    added: int | None = None  # rows that were not there, known where all was compared
    removed: int | None = None


@dataclass(frozen=True, slots=True)
class _SourceRequest:
    """One source to land."""

    home: Path
    section: Origin
    origin: Address
    now: datetime
    full: bool
    accept_columns: bool
    erased: Objectors | None

    @property
    def source(self) -> str:
        return self.section.source_name

    @property
    def customers(self) -> tuple[str, ...]:
        """The columns that hold ids of customers."""
        named = self.section.customer_id if isinstance(self.section, Events | Profiles | Table) else None
        return () if named is None else (named,)


def ingest(
    use_case: UseCase, home: Path, now: datetime, *, full: bool = False, accept_columns: bool = False
) -> list[Landed]:
    """Lands what a use case reads from addresses; what is in files of this machine needs no landing.

    Args:
        use_case: Whose sources.
        home: Where they land.
        now: This moment, UTC.
        full: Compare everything, rather than read what is new.
        accept_columns: Whether new columns, and other types, may land.

    Raises:
        SourceUnavailableError: A source cannot be read now; what landed before stays.
        DataError: Rows or columns are not as they should be; what landed before stays.
        UseCaseError: An extra or a variable is missing.
        SuppressionError: The list of the erased cannot be read.
    """
    erased = erased_of(home)
    landed = []
    for section in origins_of(use_case):
        if (origin := section.origin) is not None:
            asked = _SourceRequest(home, section, origin, now, full, accept_columns, erased)
            with only_lander(home, asked.source) as work:
                landed.append(_land(asked, work))
                remove_others(home, asked.source)
    return landed


def forget_erased(
    home: Path, source: str, manifest: LandedManifest, erased: Objectors | None, work: Path
) -> LandedManifest:
    """Takes whoever was erased out of a landed copy; the manifest of the copy that counts then."""
    former = current_rows(home, source)
    if erased is None or former is None or manifest.erased == erased.digest():
        return manifest
    rows, parts = fresh_folder(work, "cleared"), []
    for part in manifest.parts:
        if clear_part(former / part.name, manifest.customers, erased, rows / part.name):
            path = rows / part.name
            parts.append(LandedPart(part.name, pq.read_metadata(path).num_rows, file_sha256(path), part.of))
        else:
            link(former / part.name, rows / part.name)
            parts.append(part)
    cleared = msgspec.structs.replace(
        manifest,
        parts=tuple(parts),
        rows=sum(part.rows for part in parts),
        digest=digest_of_parts(tuple(parts)),
        erased=erased.digest(),
    )
    commit(home, work, rows, cleared)
    work.mkdir(exist_ok=True, mode=0o700)
    return cleared


def _land(asked: _SourceRequest, work: Path) -> Landed:
    former = read_manifest(asked.home, asked.source)
    if former is not None:
        former = forget_erased(asked.home, asked.source, former, asked.erased, work)
    if asked.origin.scheme in FILES:
        return _land_files(asked, files_at(asked.section, asked.origin), former, work)
    return _land_rows(asked, rows_at(asked.section, asked.origin, work, former), former, work)


def _land_rows(asked: _SourceRequest, source: RowSource, former: LandedManifest | None, work: Path) -> Landed:
    ingest, before = asked.section.ingest, current_rows(asked.home, asked.source) if former else None
    full = asked.full or former is None or _is_due(former, ingest.full_every, asked.now)
    watermark = None if full or former is None else former.watermark
    with engine() as backend:
        with source.read(watermark) as read:
            full = full or read.since is None
            check_columns(asked.origin.redacted, read.schema, named_columns(asked.section), _expected(asked, former))
            rows = fresh_folder(work, "rows")
            kept = without_erased(read, asked.customers, asked.erased)
            written = land_rows(backend, kept, ingest, rows, former=None if full else before)
        check_rows(backend, asked.origin.redacted, rows, read.schema, ingest.key)
        manifest = _manifest(asked, backend, written.parts, read.schema, rows)
        manifest = msgspec.structs.replace(
            manifest, watermark=written.watermark, full_at=manifest.read_at if full or not former else former.full_at
        )
        counts = _changes(backend, manifest, former, before, rows) if full else (None, None)
    commit(asked.home, work, rows, manifest)
    return Landed(manifest, "full" if full else "incremental", former.rows if former else None, *counts)


def _changes(
    backend: Any, manifest: LandedManifest, former: LandedManifest | None, before: Path | None, rows: Path
) -> tuple[int | None, int | None]:
    """How many rows came and went, where there was a copy with the same columns."""
    if former is None or before is None or former.columns != manifest.columns:
        return None, None
    return (0, 0) if former.digest == manifest.digest else changes(backend, before, rows)


def _land_files(asked: _SourceRequest, source: FileSource, former: LandedManifest | None, work: Path) -> Landed:
    listing = source.listing()
    before = current_rows(asked.home, asked.source)
    again = asked.full or former is None or before is None
    landed = {} if again or former is None else {part.of: part for part in former.parts}
    if former is not None and not again and [file.identity for file in listing.files] == list(landed):
        seen = msgspec.structs.replace(former, snapshot=listing.snapshot)
        if seen == former:
            return Landed(former, "unchanged", former.rows)
    schema = _schema_of_files(asked, source, former, before, listing.files, landed)
    if former is not None and columns_of(schema) != former.columns:
        landed = {}
    rows = fresh_folder(work, "rows")
    known = {} if before is None else {of: before / part.name for of, part in landed.items()}
    parts, unreadable = land_files(source, listing.files, schema, rows, work, known)
    if asked.erased is not None:
        parts = tuple(_cleared(part, rows, asked, work) for part in parts)
    with engine() as backend:
        check_rows(backend, asked.origin.redacted, rows, schema, ())
        manifest = _manifest(asked, backend, parts, schema, rows)
    modified = listing.modified.isoformat() if listing.modified else None
    manifest = msgspec.structs.replace(
        manifest,
        snapshot=listing.snapshot,
        fresh_to=manifest.fresh_to or modified,
        full_at=former.full_at if former and not again else manifest.read_at,
        unreadable=unreadable + (former.unreadable if former and not again else 0),
    )
    added = sum(part.rows for part in parts if part.of not in landed)
    stays = {part.of for part in parts}
    removed = sum(part.rows for of, part in landed.items() if of not in stays)
    commit(asked.home, work, rows, manifest)
    counts = (None, None) if again else (added, removed)
    return Landed(manifest, "full" if again else "incremental", former.rows if former else None, *counts)


def _schema_of_files(
    asked: _SourceRequest,
    source: FileSource,
    former: LandedManifest | None,
    before: Path | None,
    files: Sequence[Any],
    landed: Mapping[str, LandedPart],
) -> pa.Schema:
    """The columns of a source's files, checked: those that landed, where what is new fits them."""
    new = [file for file in files if file.identity not in landed] or list(files[:1])
    found = source.schema(new)
    expected = _expected(asked, former)
    if landed and before is not None and (parts := sorted(before.iterdir())):
        as_landed = pq.read_schema(parts[0])
        if found.names == as_landed.names and pa.unify_schemas([as_landed, found], promote_options="permissive").equals(
            as_landed
        ):
            found = as_landed
        elif expected is None:
            found = source.schema(files)
    check_columns(asked.origin.redacted, found, named_columns(asked.section), expected)
    return found


def _cleared(part: LandedPart, rows: Path, asked: _SourceRequest, work: Path) -> LandedPart:
    """A part without whoever was erased."""
    path, draft = rows / part.name, work / "cleared.parquet"
    if asked.erased is None or not clear_part(path, asked.customers, asked.erased, draft):
        return part
    draft.replace(path)
    return LandedPart(part.name, pq.read_metadata(path).num_rows, file_sha256(path), part.of)


def _expected(asked: _SourceRequest, former: LandedManifest | None) -> Mapping[str, str] | None:
    """The columns that must come again; None where any may."""
    return None if former is None or asked.accept_columns else former.columns


def _is_due(former: LandedManifest, days: int, now: datetime) -> bool:
    """Whether everything is to be compared again."""
    return now - datetime.fromisoformat(former.full_at) >= timedelta(days=days)


def _manifest(
    asked: _SourceRequest, backend: Any, parts: tuple[LandedPart, ...], schema: pa.Schema, rows: Path
) -> LandedManifest:
    columns, at = columns_of(schema), asked.now.isoformat(timespec="seconds")
    _, _, fresh_to = reach_of(backend, rows, None, moment_column(asked.section)) if parts else (0, {}, None)
    return LandedManifest(
        source=asked.source,
        address=asked.origin.redacted,
        columns=columns,
        schema_digest=schema_digest(columns),
        rows=sum(part.rows for part in parts),
        digest=digest_of_parts(parts),
        parts=parts,
        fresh_to=fresh_to,
        read_at=at,
        full_at=at,
        customers=asked.customers,
        erased=asked.erased.digest() if asked.erased else None,
    )
