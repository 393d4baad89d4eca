"""Bad rows go to a file with the rule each broke; never silently away."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from features.sources.rejected_rows import BadRows


def write_quarantine(folder: Path | None, name: str, sources: Mapping[str, BadRows]) -> list[Path]:
    """Writes the bad rows of each source to FOLDER/<use case>-<source>.parquet; a clean source leaves no file.

    Columns: `__file`, `__row` (from 1), `rule`, then the cells as they were.
    """
    if folder is None:
        return []
    written = []
    for source, bad in sources.items():
        path = folder / f"{name}-{source}.parquet"
        if bad.rows.is_empty():
            path.unlink(missing_ok=True)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        bad.rows.write_parquet(draft)
        draft.replace(path)
        written.append(path)
    return written
