"""Files that name customers: one id a line, or a table with a column of ids, of whichever kind and spelling."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from features.spec.feature import CUSTOMER_ID
from features.spec.ids import EDGES, read_id
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import BatchError, read_batches

TEXTS = (".csv", ".tsv", ".txt")
ENDINGS = (*TEXTS, ".parquet")
_SIGNS = ",;\t|"


def read_ids(file: Path, columns: Collection[str] = ()) -> list[str]:
    """The ids of a file, each once, in its order; what names nobody is passed over.

    A table has the column `customer_id`, or one of `columns`. Without such a header each line of a text is an id.

    Args:
        file: Parquet, or text in UTF-8 whose ending is .csv, .tsv or .txt, in capitals or not, gzipped (.gz) or not.
        columns: What a column of ids may be called beside `customer_id`.

    Raises:
        BatchError: It is of another kind, cannot be read, or does not say which of several columns holds ids.
    """
    kind = _kind(file)
    names = [CUSTOMER_ID, *columns]
    if kind == ".parquet":
        return _distinct(text for table in read_batches(file) for text in id_column(_ids_of(table, names)).to_pylist())
    try:
        return _distinct(_text_ids(file, kind, names))
    except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BatchError(f"A file of ids must be readable text in UTF-8, got {type(error).__name__}.") from error


def _kind(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    kind = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
    if kind not in ENDINGS:
        raise BatchError(f"A file of ids must end in {', '.join(ENDINGS)}, got {kind or 'no ending'}.")
    return kind


def _ids_of(table: pa.Table, names: list[str]) -> pa.ChunkedArray:
    found = {column.strip(EDGES).casefold(): column for column in table.column_names}
    name = next((found[name.casefold()] for name in names if name.casefold() in found), None)
    if name is None:
        raise BatchError(f"A table of ids needs one column {CUSTOMER_ID}, got none.")
    return table.column(name)


def _text_ids(file: Path, kind: str, names: list[str]) -> Iterator[str | None]:
    """The ids of a text file: of the column that its first line names, else of each line."""
    opened = gzip.open if file.suffix.lower() == ".gz" else open
    with opened(file, "rt", encoding="utf-8-sig", newline="") as lines:
        head = next((line for line in lines if line.strip(EDGES)), "")
        sign, at = _header(head, names)
        if at is None:
            yield from _single(head, lines, kind)
            return
        for row in csv.reader(lines, delimiter=sign):
            yield read_id(row[at]) if len(row) > at else None


def _header(line: str, names: list[str]) -> tuple[str, int | None]:
    """The sign that parts a header, and where the column of ids stands in it; None where the line is no header."""
    wanted = [name.casefold() for name in names]
    for sign in _SIGNS:
        cells = [cell.strip(EDGES).casefold() for cell in next(csv.reader([line], delimiter=sign), [])]
        for name in wanted:
            if name in cells:
                return sign, cells.index(name)
    return ",", None


def _single(head: str, lines: Iterable[str], kind: str) -> Iterator[str | None]:
    """An id a line; in a table without a header there must be no second column, which could be meant as well."""
    if kind == ".txt":
        yield from map(read_id, (head, *lines))
        return
    for number, line in enumerate((head, *lines), 1):
        cells = [next(csv.reader([line], delimiter=sign), []) for sign in _SIGNS]
        if any(len([cell for cell in row if cell.strip(EDGES)]) > 1 for row in cells):
            rule = f"A table of ids needs a header with {CUSTOMER_ID}, or one column only"
            raise BatchError(f"{rule}; row {number} has several and there is no such header.")
        yield read_id(max(cells, key=len)[0]) if max(cells, key=len) else None


def _distinct(ids: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(customer for customer in ids if customer is not None))
