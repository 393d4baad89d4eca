"""Which reader an address is read by; each is loaded when it is asked for."""

from __future__ import annotations

from pathlib import Path

from features.config.origins.addresses import PAGES, Address
from features.config.origins.origin_sections import Origin
from features.landing.manifest import LandedManifest
from features.landing.ports import FileSource, RowSource


def files_at(section: Origin, origin: Address) -> FileSource:
    """The files of an address."""
    if origin.scheme == "s3":
        from features.landing.readers.s3_files import S3Files

        return S3Files(origin)
    from features.landing.readers.lake_tables import DeltaFiles, IcebergFiles

    kind = IcebergFiles if origin.scheme == "iceberg" else DeltaFiles
    return kind(origin, section.ingest.snapshot)


def rows_at(section: Origin, origin: Address, work: Path, former: LandedManifest | None) -> RowSource:
    """The rows of an address; `work` is where pages are kept until all of them came."""
    if origin.scheme == "postgres":
        from features.landing.readers.postgres import PostgresRows

        return PostgresRows(section, origin)
    if origin.scheme in PAGES:
        from features.landing.readers.pages import PagedRows

        return PagedRows(section, origin, work, list(former.columns) if former else [])
    from features.landing.readers.warehouses import WarehouseRows

    return WarehouseRows(section, origin)
