"""CSV files, gzipped or not, loaded as text by the reader that scoring has too: no row is lost without being counted.

DuckDB guesses where line ends are mixed, and reads on to the end of the file where a quote is never closed. So the
signs are counted first: mixed line ends are made one, and an open quote or a NUL byte is found before it does harm.
"""

# ruff: noqa: S608  every name and text in the SQL is ours or quoted by `literal`
from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.errors import DataError
from features.sources.duckdb_sql import add_numbers, all_rows, in_order, make_table
from features.spec.csv_dialect import Dialect, open_bytes, open_text
from features.spec.csv_sql import RULE, rejects_sql, rows_sql

_row_number = "__row_number"  # a row's number in its file, where that is not its position in the table
_chunk = 1 << 20
_two_ends = (b"\n\n", b"\n\r", b"\r\r")  # of lines, with nothing between them


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file in a table: where its rows stood, and those that are rejected."""

    number: str  # the SQL of a row's number in the file, from 1; the first line and blank ones count as they stand
    rejected_rows: tuple[tuple[int, str], ...]  # number, rule


@dataclass(frozen=True, slots=True)
class _Signs:
    """How often each sign that decides how a file is read occurs in it."""

    pairs: int  # CR LF
    returns: int  # CR without LF
    feeds: int  # LF without CR
    quotes: int
    nuls: int
    blank: bool  # a line holds nothing

    @property
    def mixed(self) -> bool:
        """Whether lines end in more than one way (or cells hold another kind of line end)."""
        return sum(count > 0 for count in (self.pairs, self.returns, self.feeds)) > 1


def load(backend: Any, file: Path, written: Dialect, into: str) -> Loaded:
    """Loads a file into a table of text, in its order, and says which rows are rejected.

    The table has `c0`.. and `RULE`, which is filled in rows that are rejected.

    Raises:
        DataError: a quote is never closed.
    """
    signs = _signs(file, written)
    if signs.quotes % 2:
        _check_closed(file, written)
    with tempfile.TemporaryDirectory() as folder:
        plain = _with_one_line_end(file, written, Path(folder) / "rows.csv") if signs.mixed else None
        zipped = written.zipped and plain is None
        rows = rows_sql(plain or file, written, rejects=f"{into}_rejects", nul=signs.nuls > 0, zipped=zipped)
        with in_order(backend):
            make_table(backend, into, rows)
    above = written.skipped + 1
    rejected = all_rows(backend, rejects_sql(f"{into}_rejects"))
    rejected_rows = [(int(line) - above, str(rule)) for line, rule in rejected]
    blank = _blank_rows(file, written) if signs.blank else []
    number = _numbered(backend, into, sorted({*blank, *(row for row, _ in rejected_rows)}))
    broken = f"SELECT {number}, {RULE} FROM {into} WHERE {RULE} IS NOT NULL ORDER BY ALL"
    rejected_rows += [(int(row), str(rule)) for row, rule in all_rows(backend, broken)]
    return Loaded(number, tuple(rejected_rows))


def _numbered(backend: Any, into: str, absent: Sequence[int]) -> str:
    """The SQL of a row's number in its file, where rows with the given numbers, rising, are not in the table."""
    if not absent:
        return "rowid + 1"
    starts = [
        row - earlier for earlier, row in enumerate(absent)
    ]  # the position in the table from which one more is absent
    steps = pa.table({"start": starts, "until": [*starts[1:], 2**62], "more": range(1, len(absent) + 1)})
    add_numbers(backend, into, _row_number, steps)
    return f"coalesce({_row_number}, rowid + 1)"


def _blank_rows(file: Path, written: Dialect) -> list[int]:
    """The numbers of the rows without a single sign, which DuckDB passes over."""
    with open_text(file, written) as text:
        rows = csv.reader(islice(text, written.skipped, None), delimiter=written.delimiter)
        return [row for row, cells in enumerate(rows) if not cells]


def _chunks(file: Path, written: Dialect) -> Iterator[bytes]:
    """A file's bytes; no CR LF is parted."""
    with open_bytes(file, zipped=written.zipped) as stream:
        while chunk := stream.read(_chunk):
            yield chunk + stream.read(1) if chunk.endswith(b"\r") else chunk


def _signs(file: Path, written: Dialect) -> _Signs:
    pairs = returns = feeds = quotes = nuls = 0
    blank, end = False, b""
    for chunk in _chunks(file, written):
        both = chunk.count(b"\r\n")
        pairs += both
        returns += chunk.count(b"\r") - both
        feeds += chunk.count(b"\n") - both
        quotes += chunk.count(b'"')
        nuls += chunk.count(b"\x00")
        blank = blank or any(sign in chunk or sign in end + chunk[:1] for sign in _two_ends)
        end = chunk[-1:]
    return _Signs(pairs, returns, feeds, quotes, nuls, blank)


def _with_one_line_end(file: Path, written: Dialect, copy: Path) -> Path:
    with copy.open("wb") as stream:
        for chunk in _chunks(file, written):
            stream.write(chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    return copy


def _check_closed(file: Path, written: Dialect) -> None:
    """Rejects a file that ends inside quotes; an odd number of them may also be an inch sign."""
    row, before, last = 0, 0, 0  # rows with the header's
    try:
        with open_text(file, written) as text:
            reader = csv.reader(islice(text, written.skipped, None), delimiter=written.delimiter)
            for _ in reader:
                row += 1
                before, last = last, reader.line_num
        with open_text(file, written) as text:
            lines = islice(text, written.skipped + before, None)
            list(csv.reader(lines, delimiter=written.delimiter, strict=True))
    except csv.Error:
        raise DataError(file, [f"a quote must be closed: the one opened in row {max(row - 1, 1)} is not"]) from None
