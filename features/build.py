"""Feature tables as files: one file, or a partition with a manifest; a draft first, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from features.sources import digest
from features.table import scoring_table
from features.usecase import UseCase


def build(use_case: UseCase, cutoff: datetime, out: Path) -> tuple[Path, int | None]:
    """Writes the feature table at a cutoff; gives the file and its rows, None where it was there already.

    A path that ends in .parquet or .csv is one file. Any other is a folder of partitions, `cutoff=D/features.parquet`
    with a `manifest.json` of digests beside it: the same digests write nothing again. Bad rows go to `quarantine/`
    beside the table.
    """
    if out.suffix in (".parquet", ".csv"):
        table = scoring_table(use_case, cutoff, quarantine=out.parent / "quarantine")
        _write(table, out)
        return out, len(table)
    folder = out / f"cutoff={cutoff.astimezone(UTC):%Y-%m-%dT%H%M%S}".removesuffix("T000000")
    file, manifest = folder / "features.parquet", folder / "manifest.json"
    said = _manifest(use_case, cutoff)
    if file.exists() and manifest.exists() and json.loads(manifest.read_text()) == said:
        return file, None
    table = scoring_table(use_case, cutoff, quarantine=out / "quarantine")
    manifest.unlink(missing_ok=True)
    _write(table, file)
    _replace(manifest, lambda draft: draft.write_text(json.dumps(said, indent=1) + "\n"))
    return file, len(table)


def _manifest(use_case: UseCase, cutoff: datetime) -> dict[str, str]:
    sources = [section.path for section in (use_case.events, use_case.profiles) if section is not None]
    config = json.dumps(use_case.model_dump(mode="json"), sort_keys=True)
    return {
        "use_case": use_case.name,
        "cutoff": cutoff.astimezone(UTC).isoformat(),
        "input_digest": digest(*sources),
        "config_digest": hashlib.sha256(config.encode()).hexdigest(),
    }


def _write(table: pl.DataFrame, path: Path) -> None:
    _replace(path, table.write_csv if path.suffix == ".csv" else table.write_parquet)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
