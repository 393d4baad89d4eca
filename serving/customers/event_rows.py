"""Posted events and traits as the tables that a bundle's feature SQL reads; rules are kept, no value is repeated."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from features.spec.derive.derivation import derive
from features.spec.feature import Json, normalise
from features.spec.missing import is_missing
from features.spec.moments import counted, read_moment, whole
from features.spec.numbers import amounts
from features.spec.raw_events import RawColumn, RawCurrency, RawLog
from scoring.encoding.notes import Note
from scoring.encoding.value_rules import kind, other_keys

if TYPE_CHECKING:
    import pyarrow as pa

MAX_EVENTS = 10_000  # a profile
INNER = ("customer_id", "as_of")  # columns that no single event carries
Columns = Sequence[RawColumn]
PostedRecord = Mapping[str, Json]  # an event, or the traits
MOST = 1e14  # an amount or a measure that DECIMAL(18,4) holds; a log's event beyond it is a bad row
_ABSENT = object()
_summed = re.compile(r"amount|m\d+")


class CellError(ValueError):
    """A posted value is not of its column's kind."""


def moment(value: Any) -> datetime:
    """A posted date or time, in UTC and without zone; without an offset it is UTC.

    Raises:
        CellError: It is not ISO 8601.
    """
    return _moment(value, None)


def _moment(value: Any, written: str | None) -> datetime:
    rule = f"a date or time written {written} or in ISO 8601" if written else "a date or time in ISO 8601"
    if type(value) in (int, float) and counted(written):
        value = whole(value)
    if type(value) is not str:
        raise CellError(f"must be {rule}, got {kind(value)}")
    read = read_moment(value, written)
    if read is None:
        raise CellError(f"must be {rule}, got other text")
    return read.replace(tzinfo=None)


def read_record(
    record: Any, columns: Columns, required: Sequence[str], what: str, ignored: Sequence[str] = ()
) -> tuple[list[Any], list[Note]]:
    """One posted event, or the traits: its cells in the columns' order, and the rules it breaks.

    Args:
        record: What was posted.
        columns: What it may hold; one that is absent is null.
        required: Keys of columns that must be there and not null.
        what: How an error names it, e.g. `events[3]`.
        ignored: What else it may hold.
    """
    if not isinstance(record, Mapping):
        return [], [note(what, f"must be an object, got {kind(record)}")]
    known = {*ignored, *(name for column in columns for name in names(column))}
    others = [key for key in record if key not in known]
    broken = [note(what, f"holds {', '.join(sorted(known))} only, got {other_keys(others)}")] if others else []
    cells = []
    for column in columns:
        name = next((name for name in names(column) if record.get(name, _ABSENT) is not _ABSENT), names(column)[0])
        value = record.get(name)
        try:
            if value is None and column["key"] in required:
                raise CellError("must be there")
            cells.append(None if value is None else _read(value, column, name))
            _check_agreement(record, column, name, cells[-1])
        except CellError as error:
            broken.append(note(f"{what}.{name}", str(error)))
    return cells, broken


def with_derived(traits: PostedRecord, columns: Columns) -> PostedRecord:
    """Posted traits with those that are derived of others, where these are posted and they are not."""
    made = {
        column["key"]: derive(column["derive"], traits)
        for column in columns
        if "derive" in column and traits.get(column["key"]) is None
    }
    return {**traits, **made} if made else traits


def _check_agreement(record: PostedRecord, column: RawColumn, name: str, cell: Any) -> None:
    """Raises CellError where a column is posted under two names with two meanings: which of them is meant?"""
    for other in names(column):
        if other != name and record.get(other) is not None and _read(record[other], column, other) != cell:
            raise CellError(f"must say the same as {other}, which is the same column, got another value")


def names(column: RawColumn) -> Sequence[str]:
    """What a column may be posted as: the log's own name and our name for it; bundles once had ours alone."""
    return column.get("names") or (column["key"],)


def needed(log: RawLog) -> Sequence[str]:
    """Keys that every event of a log must have."""
    return ("ts", "type") if log["only"] is None else ("ts",)


def _read(value: Any, column: RawColumn, name: str) -> Any:
    """A cell; under the name of the log's column that marks refunds, by the value that means one."""
    if "equals" in column and name == names(column)[0]:
        return _text(value).strip().lower() in column["equals"]
    if column["column"] == "type" and not any(sign.isalnum() for sign in _text(value)):
        raise CellError("must hold a letter or a digit")
    written = column.get("written")
    if column["type"] == "TIMESTAMP":
        return _moment(value, written)
    if written is not None and type(value) is str:
        value = _number_of(value, written)
    if value is None:
        return None
    if _summed.fullmatch(column["column"]) and abs(_number(value)) >= MOST:
        raise CellError("must be a number below 1e14 in size, got a larger one")
    if "apart" in column and type(value) is str:
        value = column["apart"].get(normalise(value), value)
    return _readers[column["type"]](value)


def _number_of(text: str, written: str) -> float | None:
    """The number of a text written so; None where it says that there is none."""
    number = amounts(written).read(text)
    if not math.isnan(number):
        return number
    if not text.strip() or is_missing(text):
        return None
    raise CellError(f"must be a number, or text written {written}, got other text")


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


def worth(record: PostedRecord, currency: RawCurrency | None) -> float:
    """What one unit of an event's amount is worth in the use case's currency; 1 where the event names none.

    Raises:
        CellError: The use case has no rate for it.
    """
    code = None if currency is None else record.get(currency["name"])
    if currency is None or code is None:
        return 1.0
    rate = currency["rates"].get(_text(code).strip().upper())
    if rate is None:
        raise CellError(f"must be one of {', '.join(currency['rates'])}")
    return float(rate)


def note(where: str, rule: str) -> Note:
    """A broken rule of a posted history."""
    return {"code": "invalid_event", "field": where, "detail": f"{where} {rule}."}


def _text(value: Any) -> str:
    if type(value) not in (str, int, float, bool):
        raise CellError(f"must be text, got {kind(value)}")
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53  # 12.0 is "12", as in a log
    return value if isinstance(value, str) else json.dumps(int(value) if whole else value)


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
    "VARCHAR[]": _texts,
}
