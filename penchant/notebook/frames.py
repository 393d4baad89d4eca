"""Frames of polars and pandas as Arrow tables, and answers as frames of the kind that asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.spec.feature import CUSTOMER_ID
from features.spec.ids import read_id
from scoring.encoding.block import PostedProfile
from scoring.storage.table_files import BatchError

KINDS = (("polars", "DataFrame"), ("pandas", "DataFrame"), ("pyarrow", "Table"))


def as_table(frame: Any) -> pa.Table:
    """The rows of a frame; an index of pandas is no column.

    Raises:
        BatchError: It is no frame, two columns bear one name, or a column holds several kinds of values.
    """
    kind = _kind(frame)
    if kind != "pandas":
        table: pa.Table = frame.to_arrow() if kind == "polars" else frame
        return table
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise BatchError("Each column of a frame must have a name of its own, some stand twice.")
    return pa.table({name: _column(name, frame.iloc[:, position]) for position, name in enumerate(names)})


def as_file(frame: Any, file: Path) -> Path:
    """The rows of a frame in a Parquet file.

    Raises:
        BatchError: As for `as_table`.
    """
    pq.write_table(as_table(frame), file)
    return file


def as_profile(row: Any) -> PostedProfile | None:
    """One customer's features as they would be posted, of a mapping or a row of pandas; None where it is neither."""
    if (_library(row), type(row).__name__) == ("pandas", "Series"):
        row = row.to_dict()
    if not isinstance(row, Mapping):
        return None
    features = {str(name): _posted(value) for name, value in row.items() if name != CUSTOMER_ID}
    return {"customer_id": read_id(row.get(CUSTOMER_ID)) or "1", "features": features}


def like(frame: Any, table: pa.Table) -> Any:
    """A table as a frame of the kind of `frame`."""
    match _kind(frame):
        case "pandas":
            return table.to_pandas()
        case "polars":
            import polars as pl

            return pl.from_arrow(table)
        case _:
            return table


def _kind(frame: Any) -> str:
    kind = (_library(frame), type(frame).__name__)
    if kind not in KINDS:
        raise BatchError(f"Rows must be a frame of polars or pandas, or an Arrow table, got {kind[1]}.")
    return kind[0]


def _library(value: Any) -> str:
    """Where a value is from, without importing it."""
    return type(value).__module__.partition(".")[0]


def _column(name: str, values: Any) -> pa.Array:
    try:
        return pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):  # whose text quotes values
        raise BatchError(f"Column {name} must hold one kind of values, got several or others.") from None


def _posted(value: Any) -> Any:
    """A value as JSON would have it: dates in ISO form, what is missing null."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
        return None
    return value.isoformat() if isinstance(value, date) else value
