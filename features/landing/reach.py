"""How far rows reach: their number, and the moment of the latest of them."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

from features.config.origins.origin_sections import Origin
from features.config.use_case import Enrich, Events, Profiles, Table
from features.sources.engine import frame
from features.sources.source import open_source, reading
from features.spec.moments import canonical

_iso = re.compile(r"\d{4}-\d{2}-\d{2}")


def moment_column(section: Origin) -> str | None:
    """The column that says when a row is of; None where a section names none."""
    if isinstance(section, Events):
        return section.timestamp
    if isinstance(section, Profiles):
        return section.valid_from or section.ingest.cursor
    if isinstance(section, Enrich):
        return section.dated
    return (section.order_by if isinstance(section, Table) else None) or section.ingest.cursor


def reach_of(backend: Any, rows: Path, table: str | None, column: str | None) -> tuple[int, dict[str, str], str | None]:
    """How many rows there are, their columns with types, and the latest moment in ISO form.

    The last is None where there is no such column, or its texts do not sort as their moments do.

    Raises:
        DataError: They cannot be read.
    """
    source = open_source(backend, rows, table=table)
    schema = source.table.schema()
    columns = {name: str(schema[source.inside(name)]) for name in source.columns}
    asked = {"rows": source.table.count()}
    if column is not None and column in source.columns:
        asked["latest"] = source.column(column).max()
    with reading(rows):
        found = frame(source.table.aggregate(**asked)).row(0)
    return int(found[0]), columns, _iso_text(found[1] if len(found) > 1 else None)


def _iso_text(latest: object) -> str | None:
    if isinstance(latest, datetime):
        return latest.isoformat()
    if isinstance(latest, date):
        return latest.isoformat()
    if isinstance(latest, str) and _iso.match(latest):
        found = canonical(latest, None)
        return found.replace(" ", "T") if found else None
    return None
