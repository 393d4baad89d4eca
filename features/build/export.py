"""Feature tables as files: one file, or a partition with a manifest; a draft first, then renamed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from features.build.log_table import scoring_parts
from features.config.use_case import UseCase
from features.errors import UseCaseError
from features.spec.atomic import draft_of, remove_orphans, write_file
from features.spec.feature import CUSTOMER_ID
from features.spec.suppression_list import Objectors
from features.tables.digests import code_digest, config_digest, input_digest

ENDINGS = (".parquet", ".csv")
_WARNINGS = "warnings"  # in a manifest, where a log ends before the cutoff
CUSTOMERS = 0o600  # a table of customers is its owner's alone


def build(
    use_case: UseCase,
    cutoff: datetime,
    out: Path,
    objectors: Objectors | None = None,
    *,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[Path, int | None]:
    """Writes the feature table at a cutoff; gives the file and its rows, None where it was there already.

    A path that ends in .parquet or .csv is one file. Any other is a folder of partitions, `cutoff=D/features.parquet`
    with a `manifest.json` beside it: the same inputs, use case and code write nothing again, as long as the file is
    what was written. `objectors` are in none of it. Bad rows go to `quarantine/` beside the table.
    Both are their owner's alone, from the first byte on; what a killed build left is removed first. Each log that ends
    before the cutoff is one to `warn` of, also where the table was there already: the manifest knows.

    Raises:
        UseCaseError: the use case is on a ready table, or `out` cannot be what it is asked to be.
        DataError: the data broke its contract.
    """
    _check(out)
    if out.suffix in ENDINGS:
        remove_orphans(out.parent)
        parts = scoring_parts(use_case, cutoff, quarantine=out.parent / "quarantine", objectors=objectors, warn=warn)
        return out, _write(parts, out)
    folder = out / f"cutoff={cutoff.astimezone(UTC):%Y-%m-%dT%H%M%S}".removesuffix("T000000")
    remove_orphans(folder)
    file, manifest = folder / "features.parquet", folder / "manifest.json"
    made_from = _made_from(use_case, cutoff, objectors)
    if _is_there(file, manifest, made_from):
        for sentence in json.loads(manifest.read_text()).get(_WARNINGS, ()):
            warn(sentence)
        return file, None
    warnings: list[str] = []
    parts = scoring_parts(use_case, cutoff, quarantine=out / "quarantine", objectors=objectors, warn=warnings.append)
    rows = _write(parts, file, manifest)
    for sentence in warnings:
        warn(sentence)
    stated = {**made_from, "rows": rows, "sha256": _sha256(file), **({_WARNINGS: warnings} if warnings else {})}
    write_file(manifest, (json.dumps(stated, indent=1) + "\n").encode())
    return file, rows


def _check(out: Path) -> None:
    """Rejects an output that would fail only after all the work."""
    if out.suffix and out.suffix not in ENDINGS and not out.is_dir():
        raise UseCaseError(out, [f"--out must end in {' or '.join(ENDINGS)}, or have no ending and be a folder"])
    if out.suffix in ENDINGS and out.is_dir():
        raise UseCaseError(out, ["--out with this ending must be a file, it is a folder"])
    above = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not above.is_dir() and (above != out or out.suffix not in ENDINGS):
        raise UseCaseError(out, [f"--out must lie in a folder, {above} is a file"])


def _made_from(use_case: UseCase, cutoff: datetime, objectors: Objectors | None) -> dict[str, str]:
    listed = {"objectors_digest": objectors.digest()} if objectors else {}
    return {
        **listed,
        "use_case": use_case.name,
        "cutoff": cutoff.astimezone(UTC).isoformat(),
        "input_digest": input_digest(use_case),
        "config_digest": config_digest(use_case),
        "code_digest": code_digest(),
    }


def _is_there(file: Path, manifest: Path, made_from: dict[str, str]) -> bool:
    """Whether the file was made from the same, and is as it was written."""
    try:
        stated: dict[str, str | int] = json.loads(manifest.read_text())
        return made_from.items() <= stated.items() and stated.get("sha256") == _sha256(file)
    except (OSError, ValueError, AttributeError):
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(parts: Iterator[pl.DataFrame], path: Path, manifest: Path | None = None) -> int:
    """Writes a table part by part, so that memory never holds it, and returns its rows; an old manifest goes first."""
    first = next(parts)  # what is wrong with the source shows before anything is touched
    if manifest:
        manifest.unlink(missing_ok=True)
    with draft_of(path, mode=CUSTOMERS) as draft:
        return (_write_csv if path.suffix == ".csv" else _write_parquet)(chain([first], parts), draft)


def _write_csv(parts: Iterable[pl.DataFrame], draft: Path) -> int:
    rows = 0
    with draft.open("wb") as file:
        for number, part in enumerate(parts):
            part.write_csv(file, include_header=number == 0)
            rows += len(part)
    return rows


def _write_parquet(parts: Iterator[pl.DataFrame], draft: Path) -> int:
    """A row group a part; a dictionary of texts that repeat alone: it is slow, and numbers and ids do not repeat."""
    first = next(parts)
    texts = [name for name, kind in first.schema.items() if kind == pl.String and name != CUSTOMER_ID]
    schema, rows = first.to_arrow().schema, 0
    with pq.ParquetWriter(draft, schema, compression="zstd", use_dictionary=texts) as writer:
        for part in chain([first], parts):
            writer.write_table(part.to_arrow())
            rows += len(part)
    return rows
