"""Bad rows go to a file with the rule each broke; never silently away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from features.sources.rejected_rows import BadRows
from features.spec.atomic import draft_of, remove_orphans


def write_quarantine(folder: Path | None, name: str, sources: Mapping[str, BadRows]) -> list[Path]:
    """Writes the bad rows of each source to FOLDER/<use case>-<source>.parquet; a clean source leaves no file.

    They are their owner's alone (0600); what a killed writer left there is removed first.

    Columns: `__file`, `__row` (from 1), `rule`, then the cells as they were.
    """
    if folder is None:
        return []
    remove_orphans(folder)
    written = []
    for source, bad in sources.items():
        path = folder / f"{name}-{source}.parquet"
        if bad.rows.is_empty():
            path.unlink(missing_ok=True)
            continue
        with draft_of(path, mode=0o600) as draft:
            bad.rows.write_parquet(draft)
        written.append(path)
    return written
