"""What a job reads or writes, by a name that stays the same from day to day."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from features.config.use_case import UseCase, origins_of
from features.spec.source_register import SourceRegisterError, read_sources


@dataclass(frozen=True, slots=True)
class LineageDataset:
    """One of them; columns are names with their types, and never a value."""

    name: str
    namespace: str | None = None  # None: that of the home
    columns: tuple[tuple[str, str], ...] = ()
    rows: int | None = None
    digest: str | None = None  # sha256
    version: str | None = None  # of a model, or the day of a population


def sources_of(home: Path, use_case: UseCase) -> list[LineageDataset]:
    """The files and addresses that a use case reads, without users, passwords and queries."""
    landed = origins_of(use_case)
    copies = {one.path for one in landed}
    if use_case.source == "table":
        sections = [use_case.table.path]
    else:
        profiles = [] if use_case.profiles is None else [use_case.profiles.path]
        sections = [*(log.path for log in use_case.logs), *profiles, *(one.path for one in use_case.enrich)]
    found = [file_dataset(path) for path in dict.fromkeys(sections) if path not in copies]
    try:
        register = read_sources(home)
    except SourceRegisterError:
        register = {}
    for one in landed:
        entry = register.get(one.source_name)
        name = f"sources/{one.source_name}"
        if entry is None:
            found.append(LineageDataset(name))
        else:
            found.append(_addressed(entry.address, name, entry.rows, entry.snapshot or entry.watermark))
    return found


def file_dataset(path: Path, *, rows: int | None = None, digest: str | None = None) -> LineageDataset:
    """A file of this machine, as OpenLineage names one."""
    return LineageDataset(str(path.resolve()), "file", rows=rows, digest=digest)


def _addressed(address: str, name: str, rows: int, version: str | None) -> LineageDataset:
    """An address as OpenLineage names one: its scheme and host, then what is there."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    if not parts.scheme or not (host or parts.path):
        return LineageDataset(name, rows=rows, version=version)
    return LineageDataset(parts.path.strip("/") or name, f"{parts.scheme}://{host}", rows=rows, version=version)
