"""What an ingest sets down of each source in HOME/sources.json, files of this machine included."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from features.config.origins.origin_sections import Origin
from features.config.use_case import UseCase, sections_of
from features.landing.copies import remove_source
from features.landing.ingest import Landed
from features.landing.manifest import schema_digest
from features.landing.reach import moment_column, reach_of
from features.sources.engine import engine
from features.spec.atomic import locked_file
from features.spec.source_register import SourceEntry, read_sources, write_sources

_LOCK = ".sources.lock"


def register(home: Path, use_case: UseCase, landed: Sequence[Landed], now: datetime) -> dict[str, SourceEntry]:
    """Sets down the sources of a use case as they are now, and returns them.

    What no use case reads any more goes, its landed copy too.

    Raises:
        DataError: A file cannot be read.
        SourceRegisterError: The register is damaged.
    """
    found = _files(use_case, now) | {
        one.manifest.source: SourceEntry(
            address=one.manifest.address,
            schema_digest=one.manifest.schema_digest,
            rows=one.manifest.rows,
            watermark=one.manifest.watermark,
            snapshot=one.manifest.snapshot,
            fresh_to=one.manifest.fresh_to,
            last_run=now.isoformat(timespec="seconds"),
            used_by=(use_case.name,),
            at_most=use_case.freshness.at_most,
        )
        for one in landed
    }
    home.mkdir(parents=True, exist_ok=True)
    with locked_file(home / _LOCK):
        before = read_sources(home)
        kept = _with(before, found, use_case.name)
        write_sources(home, kept)
        for source in before.keys() - kept.keys():
            remove_source(home, source)
    return {name: kept[name] for name in found}


def too_old(entries: Mapping[str, SourceEntry], now: datetime) -> list[str]:
    """A sentence on each source that is older than a use case accepts."""
    return [
        f"{name} reaches to {entry.fresh_to}, {entry.days_old(now)} days ago: freshness.at_most is {entry.at_most} days"
        for name, entry in entries.items()
        if entry.is_too_old(now)
    ]


def _with(before: Mapping[str, SourceEntry], found: Mapping[str, SourceEntry], use_case: str) -> dict[str, SourceEntry]:
    kept = dict(before)
    for name, entry in before.items():
        others = tuple(one for one in entry.used_by if one != use_case)
        if name in found:
            limits = [days for days in (found[name].at_most, entry.at_most if others else None) if days is not None]
            users = tuple(sorted({*others, use_case}))
            kept[name] = replace(found[name], used_by=users, at_most=min(limits, default=None))
        elif others:
            kept[name] = replace(entry, used_by=others)
        else:
            del kept[name]
    return {**found, **kept}


def _files(use_case: UseCase, now: datetime) -> dict[str, SourceEntry]:
    """The sources that are files of this machine."""
    found = {}
    with engine() as backend:
        for section in sections_of(use_case):
            if section.address is not None:
                continue
            rows, columns, fresh_to = reach_of(backend, section.path, section.table, moment_column(section))
            found[_name(section)] = SourceEntry(
                address=str(section.path),
                schema_digest=schema_digest(columns),
                rows=rows,
                watermark=None,
                snapshot=None,
                fresh_to=fresh_to,
                last_run=now.isoformat(timespec="seconds"),
                used_by=(use_case.name,),
                at_most=use_case.freshness.at_most,
            )
    return found


def _name(section: Origin) -> str:
    """What a file is called in the register."""
    name = re.sub("[^a-z0-9]+", "-", section.path.stem.lower()).strip("-") or "rows"
    stated = f"{section.path}\n{section.table}".encode()
    return f"{name}-{hashlib.sha256(stated).hexdigest()[:8]}"
