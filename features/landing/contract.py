"""What rows must be on their way in: the columns a use case names, the types that landed before, keys that are keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ibis
import pandera.ibis as pai
import pyarrow as pa
from pandera.errors import SchemaErrors

from features.config.origins.origin_sections import Origin
from features.config.use_case import CurrencyColumn, Enrich, Events, Profiles, Table, TypeColumn
from features.errors import DataError
from features.landing.manifest import columns_of
from features.sources.duckdb_sql import parquet_rows


def named_columns(section: Origin) -> list[str]:
    """The columns of a source that a use case names, each once."""
    found: list[str | None] = [section.ingest.cursor, *section.ingest.key]
    if isinstance(section, Events):
        kind, refund, currency = section.type, section.refund, section.currency
        found += [section.customer_id, section.timestamp, section.amount, section.id, section.order]
        found += [kind.column if isinstance(kind, TypeColumn) else None, refund.column if refund else None]
        found += [currency.column if isinstance(currency, CurrencyColumn) else None, section.tracking_consent]
        found += [*section.properties, *section.measures]
    elif isinstance(section, Profiles):
        found += [section.customer_id, section.valid_from]
    elif isinstance(section, Enrich):
        found += [section.key, section.dated, *section.columns, *section.known]
    elif isinstance(section, Table):
        found += [section.label, section.customer_id, section.order_by]
    return list(dict.fromkeys(name for name in found if name is not None))


def check_columns(redacted: str, schema: pa.Schema, named: Sequence[str], landed: Mapping[str, str] | None) -> None:
    """Rejects columns that are not those a use case names or not as they landed before.

    Args:
        redacted: The source.
        schema: As it is now.
        named: Columns that must be there.
        landed: Columns with their types as they landed before; None: any are accepted.

    Raises:
        DataError: By column and rule, all at once.
    """
    now = columns_of(schema)
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    broken = [f"column {name!r} must be there once, not twice" for name in twice]
    before = {} if landed is None else dict(landed)
    lost = [name for name in dict.fromkeys([*named, *before]) if name not in now]
    broken += [f"column {name!r} must be there, it {'is gone' if name in before else 'is not'}" for name in lost]
    for name, kind in now.items():
        if landed is not None and name not in before:
            broken.append(f"column {name!r} must have landed before, it is new ({kind})")
        elif landed is not None and before[name] != kind:
            broken.append(f"column {name!r} must be {before[name]} as it landed before, got {kind}")
    if broken:
        hint = [] if landed is None else ["`penchant ingest USE_CASE.toml --accept-columns` lands them as they are"]
        raise DataError(redacted, [*broken, *hint])


def check_rows(backend: Any, redacted: str, rows: Path, schema: pa.Schema, key: Sequence[str]) -> None:
    """Checks rows before they count: types as stated, no key missing, no two rows with one.

    Raises:
        DataError: By column and rule; never a value.
    """
    if not any(rows.iterdir()):
        return
    table = backend.sql(f"SELECT * FROM {parquet_rows(str(rows / '*.parquet'))}")  # noqa: S608  quoted
    kinds = ibis.memtable(schema.empty_table()).schema()
    columns = {name: pai.Column(table.schema()[name], nullable=name not in key) for name in kinds}
    contract = pai.DataFrameSchema(columns, strict=True, unique=list(key) or None)
    try:
        contract.validate(table, lazy=True)
    except SchemaErrors as failure:
        raise DataError(redacted, _lines(failure, key)) from None


def _lines(failure: SchemaErrors, key: Sequence[str]) -> list[str]:
    """A line for each rule that is broken; pandera's own may quote values."""
    lines = []
    for error in failure.schema_errors:
        check, name = str(getattr(error, "check", "")), getattr(getattr(error, "schema", None), "name", None)
        if name in key:
            lines.append(f"column {name!r} must not be missing: it is the key")
        else:
            shown = ", ".join(map(repr, key))
            lines.append(f"key {shown} must be of one row each" if key else f"column {name!r} breaks {check[:40]}")
    return list(dict.fromkeys(lines))
