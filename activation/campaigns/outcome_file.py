"""Outcomes as people hand them in: `customer_id, answered` and, where known, `contacted, value, unsubscribed`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from features.columns.format_inference import AmbiguousForm, find_form, number_form
from features.errors import DataError
from features.spec.booleans import read_boolean
from features.spec.feature import CUSTOMER_ID
from features.spec.ids import EDGES
from features.spec.missing import is_missing
from features.spec.numbers import POINT, amounts
from features.tables.campaign_schema import check_campaign_outcomes
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import read_batches

ANSWERS = ("contacted", "answered", "unsubscribed")
COLUMNS = (CUSTOMER_ID, "contacted", "answered", "value", "unsubscribed")
_NEEDED = (CUSTOMER_ID, "answered")
_LISTED = 5  # rows that a message names
Cell = TypeVar("Cell")


@dataclass(frozen=True, slots=True)
class ReportedOutcomes:
    """The rows of a file, checked: one a customer."""

    rows: pl.DataFrame
    repeated: int  # rows that say again what another says
    currency: str | None  # as the values are written


def read_outcome_file(path: Path) -> ReportedOutcomes:
    """The outcomes of a Parquet or CSV file, or of a folder of them; other columns are not read.

    Names of columns are read whatever their case and the blanks around them. How values are written is decided once,
    from the whole column.

    Raises:
        DataError: Columns are missing, or rows break a rule: each rule once, with rows by number.
        BatchError: The file cannot be read.
    """
    columns = _columns(path)
    broken: list[str] = []
    found: dict[str, Sequence[Any]] = {CUSTOMER_ID: columns[CUSTOMER_ID]}
    for name in ANSWERS:
        rule = "must be yes or no, as 1 and 0, true and false, oui and non"
        found[name] = _read(columns, name, _answer, rule, broken)
    read, currency = _reader_of_values(columns.get("value", ()), broken)
    found["value"] = _read(columns, "value", read, "must be an amount, as the others of the column", broken)
    if broken:
        raise DataError(path, broken)
    types = {CUSTOMER_ID: pl.String(), "value": pl.Float64(), **dict.fromkeys(ANSWERS, pl.Boolean())}
    rows = pl.DataFrame({name: found[name] for name in COLUMNS}, {name: types[name] for name in COLUMNS})
    once = rows.unique(maintain_order=True)
    check_campaign_outcomes(path, once)
    return ReportedOutcomes(once, len(rows) - len(once), currency)


def _columns(path: Path) -> dict[str, list[Any]]:
    """The cells of the columns that count, by name; ids as text."""
    found: dict[str, list[Any]] = {}
    for number, table in enumerate(read_batches(path)):
        known = {name.strip(EDGES).casefold(): name for name in reversed(table.column_names)}
        if missing := [name for name in _NEEDED if name not in known]:
            raise DataError(
                path, [f"must hold the columns {' and '.join(_NEEDED)}, got none named {', '.join(missing)}"]
            )
        for name in (one for one in COLUMNS if one in known):
            column = table.column(known[name])
            cells = id_column(column) if name == CUSTOMER_ID else column
            found.setdefault(name, [] if number == 0 else [None] * len(found[CUSTOMER_ID])).extend(cells.to_pylist())
    if not found:
        raise DataError(path, ["must hold at least one row, got none"])
    return found


def _read(
    columns: dict[str, list[Any]], name: str, read: Callable[[Any], Cell], rule: str, broken: list[str]
) -> list[Cell | None]:
    """The cells of a column, null where it is not there; rows that are none are added to what is broken."""
    cells = columns.get(name, [None] * len(columns[CUSTOMER_ID]))
    values: list[Cell | None] = []
    wrong: list[int] = []
    for row, cell in enumerate(cells, 1):
        try:
            values.append(None if _is_blank(cell) else read(cell))
        except ValueError:
            values.append(None)
            wrong.append(row)
    if wrong:
        shown = ", ".join(map(str, wrong[:_LISTED])) + (
            f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
        )
        broken.append(f"column {name!r} {rule}, got another in row{'s' if len(wrong) > 1 else ''} {shown}")
    return values


def _is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and is_missing(cell))


def _answer(cell: Any) -> bool:
    found = cell if isinstance(cell, bool) else read_boolean(str(cell))
    if found is None:
        raise ValueError
    return found


def _reader_of_values(cells: Sequence[Any], broken: list[str]) -> tuple[Callable[[Any], float], str | None]:
    """How the values of a column are read, and what they are amounts of."""
    texts = Counter(cell.strip() for cell in cells if isinstance(cell, str) and not _is_blank(cell))
    counts = sorted(texts.items())
    form = (number_form(counts) or find_form(counts) or POINT) if counts else POINT
    if isinstance(form, AmbiguousForm):
        broken.append(f"column 'value' must be written in one way, {form.reason}")
        form = POINT
    try:
        written = amounts(form)
    except ValueError:  # a way to write moments
        written = amounts(POINT)

    def read(cell: Any) -> float:
        found = written.read(cell) if isinstance(cell, str) else float(cell)
        if found != found:
            raise ValueError
        return found

    return read, written.mark
