"""Data frames in, data frames out: the answers as columns, in the library that the frame came from.

pyarrow is imported when a frame is asked for; polars and pandas are there where a frame of theirs is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from scoring.answers.wire import FlatValue
from serving.client.profiles import ID

if TYPE_CHECKING:
    import pyarrow as pa

Frame = TypeVar("Frame")
_NUMBERS = ("_probability", "_score", "_contribution")


def table_of(frame: Any, customer_id: str) -> pa.Table:
    """A frame as Arrow has it, without the index of pandas.

    Raises:
        TypeError: It is no data frame.
        ValueError: It has no column of ids.
    """
    import pyarrow as pa

    if not hasattr(frame, "__arrow_c_stream__"):
        raise TypeError(f"A data frame must speak Arrow (polars, pandas, pyarrow, DuckDB), got {type(frame).__name__}.")
    table = pa.Table.from_pandas(frame, preserve_index=False) if _library(frame) == "pandas" else pa.table(frame)
    if customer_id not in table.schema.names:
        raise ValueError(f"A data frame needs the column of ids {customer_id!r}, got {table.num_columns} others.")
    return table


def answered(frame: Frame, ids: pa.ChunkedArray, rows: Sequence[Mapping[str, FlatValue]], customer_id: str) -> Frame:
    """The answers to a frame as one of the same library: its ids as they were, then a column for each key.

    Args:
        frame: What was asked.
        ids: Its ids.
        rows: One answer for each, in order.
        customer_id: What the column of ids is called.
    """
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row if name != ID)
    columns = {name: _column(name, [row.get(name) for row in rows]) for name in names}
    table = pa.table({customer_id: ids, **columns})
    match _library(frame):
        case "polars":
            import polars as pl

            found: Any = pl.from_arrow(table)
        case "pandas":
            found = table.to_pandas()
            found.index = frame.index  # type: ignore[attr-defined]  # it is pandas'
        case _:
            found = table
    return found  # type: ignore[no-any-return]  # the library's own


def _library(frame: object) -> str:
    return type(frame).__module__.partition(".")[0]


def _column(name: str, values: list[FlatValue]) -> pa.Array:
    """The values of a key; the type of one that is null throughout is that of its name."""
    import pyarrow as pa

    column = pa.array(values)
    if column.type != pa.null():
        return column.cast(pa.float64()) if name.endswith(_NUMBERS) else column
    if name.endswith(_NUMBERS):
        return column.cast(pa.float64())
    return column.cast(pa.int64() if name.endswith("_percentile") else pa.string())
