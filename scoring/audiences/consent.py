"""Who agreed to be addressed by a channel for a purpose, as of a moment: read from the table that proves it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.spec.feature import CUSTOMER_ID
from features.spec.moments import read_moment
from scoring.audiences.snapshot import AudienceError
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import read_batches

_FILLED = (CUSTOMER_ID, "channel", "purpose", "source", "text_version")
_GRANTED, _WITHDRAWN = "granted_at", "withdrawn_at"
COLUMNS = (*_FILLED[:3], _GRANTED, _WITHDRAWN, *_FILLED[3:])


@dataclass(frozen=True, slots=True)
class ConsentStatus:
    """Customers by what they said last of one channel and purpose; of anybody else no consent is known."""

    granted: frozenset[str]
    withdrawn: frozenset[str]


@dataclass(frozen=True, slots=True)
class _ConsentRow:
    """A row as it stands, and its moments; None where a cell is blank or is none."""

    cells: Mapping[str, str | date | None]
    granted: datetime | None
    withdrawn: datetime | None


def read_consent(path: Path, *, channel: str, purpose: str, at: datetime) -> ConsentStatus:
    """What customers had said of a channel and a purpose by a moment, from a Parquet or CSV table of `COLUMNS`.

    The latest grant or withdrawal up to that moment counts, from whichever row; of two at once the withdrawal does.

    Args:
        path: A row for each time that consent was given, with when it was taken back where it was.
        channel: Compared without blanks around and without case, as the purpose is.
        purpose: What the customer is addressed for.
        at: With its zone; what lies after it does not count yet.

    Raises:
        AudienceError: A column is missing, or rows break a rule: each of them is named by number.
        BatchError: The file cannot be read.
    """
    latest: dict[str, tuple[datetime, bool]] = {}  # by customer: when, and whether it is a withdrawal
    broken: defaultdict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(_rows(path), 1):
        rules = _broken_rules(row)
        for rule in rules:
            broken[rule].append(number)
        if not rules and [_folded(row.cells[name]) for name in ("channel", "purpose")] == [
            _folded(channel),
            _folded(purpose),
        ]:
            for event in ((row.granted, False), (row.withdrawn, True)):
                _keep_latest(latest, str(row.cells[CUSTOMER_ID]), event, at)
    if broken:
        lines = [f"{rule}, got another in {_numbers(rows)}." for rule, rows in broken.items()]
        raise AudienceError(f"{path.name} must prove every consent. {' '.join(lines)}")
    withdrawn = frozenset(customer for customer, (_, is_withdrawal) in latest.items() if is_withdrawal)
    return ConsentStatus(frozenset(latest) - withdrawn, withdrawn)


def require_columns(path: Path, table: pa.Table, *names: str) -> None:
    """Raises AudienceError where a table lacks a column."""
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise AudienceError(
            f"{path.name} must hold the columns {', '.join(names)}, got none named {', '.join(missing)}."
        )


def _keep_latest(
    latest: dict[str, tuple[datetime, bool]], customer: str, event: tuple[datetime | None, bool], at: datetime
) -> None:
    moment, is_withdrawal = event
    if moment is not None and moment <= at:
        latest[customer] = max((moment, is_withdrawal), latest.get(customer, (moment, is_withdrawal)))


def _broken_rules(row: _ConsentRow) -> list[str]:
    rules = [f"{name} must not be blank" for name in _FILLED if _blank(row.cells[name])]
    if row.granted is None:
        rules.append(f"{_GRANTED} must be a moment in ISO form")
    if row.withdrawn is None and not _blank(row.cells[_WITHDRAWN]):
        rules.append(f"{_WITHDRAWN} must be blank or a moment in ISO form")
    if row.granted and row.withdrawn and row.withdrawn < row.granted:
        rules.append(f"{_WITHDRAWN} must not be before {_GRANTED}")
    return rules


def _rows(path: Path) -> Iterator[_ConsentRow]:
    for table in read_batches(path):
        require_columns(path, table, *COLUMNS)
        columns = [
            id_column(table.column(name)).to_pylist() if name == CUSTOMER_ID else _values(table.column(name))
            for name in COLUMNS
        ]
        for values in zip(*columns, strict=True):
            cells = dict(zip(COLUMNS, values, strict=True))
            yield _ConsentRow(cells, _moment(cells[_GRANTED]), _moment(cells[_WITHDRAWN]))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Moments and dates as such, in microseconds; all else as text."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz), safe=False).to_pylist()
    return column.to_pylist() if pa.types.is_date(column.type) else column.cast(pa.string()).to_pylist()


def _moment(cell: Any) -> datetime | None:
    """In UTC; without a zone it is UTC, a date is its midnight."""
    if isinstance(cell, datetime):
        return cell.astimezone(UTC) if cell.tzinfo else cell.replace(tzinfo=UTC)
    if isinstance(cell, date):
        return datetime.combine(cell, time.min, UTC)
    return read_moment(cell) if cell else None


def _blank(cell: Any) -> bool:
    return cell is None or not str(cell).strip()


def _folded(cell: Any) -> str:
    return str(cell).strip().casefold()


def _numbers(rows: Sequence[int]) -> str:
    """Rows in rising order, neighbours as one range: `rows 3, 5-9`."""
    ranges: list[list[int]] = []
    for row in rows:
        if ranges and ranges[-1][1] == row - 1:
            ranges[-1][1] = row
        else:
            ranges.append([row, row])
    listed = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)
    return f"row{'s' if len(rows) > 1 else ''} {listed}"
