"""Posted events and traits as the tables that a bundle's feature SQL reads; every rule is kept, no value is told."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from features.written import amounts, read_moment
from scoring.cells import Note, kind

if TYPE_CHECKING:
    import pyarrow as pa

MAX_EVENTS = 10_000  # a profile
INNER = ("customer_id", "as_of")  # columns that no single event carries
Columns = Sequence[Mapping[str, str]]  # {"key": what is posted, "column": inside, "type": DuckDB's}, "written"


class CellError(ValueError):
    """A posted value is not of its column's kind."""


def moment(value: Any) -> datetime:
    """A posted date or time, in UTC and without zone; without an offset it is UTC.

    Raises:
        CellError: It is not ISO 8601.
    """
    if type(value) is not str:
        raise CellError(f"must be a date or time in ISO 8601, got {kind(value)}")
    try:
        read = datetime.fromisoformat(value.strip())
        return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
    except (ValueError, OverflowError):
        raise CellError("must be a date or time in ISO 8601, got other text") from None


def read_record(record: Any, columns: Columns, needed: Sequence[str], what: str) -> tuple[list[Any], list[Note]]:
    """One posted event, or the traits: its cells in the columns' order, and the rules it breaks.

    Args:
        record: What was posted.
        columns: What it may hold; a key that is absent is null.
        needed: Keys that must be there and not null.
        what: How an error names it, e.g. `events[3]`.
    """
    if not isinstance(record, Mapping):
        return [], [note(what, f"must be an object, got {kind(record)}")]
    broken = [note(what, f"holds a key that is none of {_listed(columns)}")] if _strangers(record, columns) else []
    cells = []
    for column in columns:
        value = record.get(column["key"])
        try:
            if value is None and column["key"] in needed:
                raise CellError("must be there")
            cells.append(None if value is None else _read(value, column))
        except CellError as error:
            broken.append(note(f"{what}.{column['key']}", str(error)))
    return cells, broken


def _read(value: Any, column: Mapping[str, str]) -> Any:
    written = column.get("written")
    if written is None or type(value) is not str:
        return _readers[column["type"]](value)
    if column["type"] == "TIMESTAMP":
        read = read_moment(value, written)
        if read is None:
            raise CellError(f"must be a date or time written {written} or in ISO 8601, got other text")
        return read.replace(tzinfo=None)
    number = amounts(written).read(value)
    if math.isnan(number):
        raise CellError(f"must be a number, or text written {written}, got other text")
    return _number(number)


def arrow_table(columns: Columns, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of cells as a table with the inner names."""
    import pyarrow as pa  # only a server that is sent raw events needs it

    kinds = {
        "VARCHAR": pa.string(),
        "DOUBLE": pa.float64(),
        "BIGINT": pa.int64(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMP": pa.timestamp("us"),
        "VARCHAR[]": pa.list_(pa.string()),
    }
    arrays = [pa.array([row[at] for row in rows], kinds[column["type"]]) for at, column in enumerate(columns)]
    return pa.table(dict(zip([column["column"] for column in columns], arrays, strict=True)))


def note(where: str, rule: str) -> Note:
    """A broken rule of a posted history."""
    return {"code": "invalid_event", "field": where, "detail": f"{where} {rule}."}


def _strangers(record: Mapping[str, Any], columns: Columns) -> bool:
    return not record.keys() <= {column["key"] for column in columns}


def _listed(columns: Columns) -> str:
    return ", ".join(column["key"] for column in columns)


def _text(value: Any) -> str:
    if type(value) not in (str, int, float, bool):
        raise CellError(f"must be text, got {kind(value)}")
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise CellError(f"must be a finite number, got {kind(value)}")
    try:
        return float(value)
    except OverflowError:
        raise CellError("must be a finite number, got one too large") from None


def _integer(value: Any) -> int:
    number = _number(value)
    if number != math.floor(number) or abs(number) >= 2**63:
        raise CellError("must be a whole number within 64 bits")
    return int(value)


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise CellError(f"must be true or false, got {kind(value)}")
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(type(item) is str for item in value):
        raise CellError(f"must be a list of texts, got {kind(value)}")
    return value


_readers: Mapping[str, Callable[[Any], Any]] = {
    "VARCHAR": _text,
    "DOUBLE": _number,
    "BIGINT": _integer,
    "BOOLEAN": _boolean,
    "TIMESTAMP": moment,
    "VARCHAR[]": _texts,
}
