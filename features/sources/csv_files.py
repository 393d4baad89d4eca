"""CSV files, gzipped or not, loaded as text: no row is garbled, and none is lost without being counted.

DuckDB guesses where line ends are mixed, and reads on to the end of the file where a quote is never closed. So the
signs are counted first: mixed line ends are made one, and an open quote or a NUL byte is found before it does harm.
"""

# ruff: noqa: S608  every name and text in the SQL is ours or quoted by `literal`
from __future__ import annotations

import codecs
import csv
import gzip
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.errors import DataError
from features.sources.engine import literal
from features.spec.moments import read_moment
from features.spec.numbers import read_each

EXTRA = "__extra"  # what a row holds beyond the header's columns
_row_number = "__row_number"  # a row's number in its file, where that is not its position in the table
_chunk = 1 << 20
_two_ends = (b"\n\n", b"\n\r", b"\r\r")  # of lines, with nothing between them
_other_code = "; it may be Latin-1 or Windows-1252, which `iconv -f WINDOWS-1252 -t UTF-8` turns into UTF-8"
_no_header = ("{", "[{", "[[", "<")  # JSON, XML


@dataclass(frozen=True, slots=True)
class Dialect:
    """The names in the first line, the sign that parts them into most, and whether the file is gzipped."""

    columns: tuple[str, ...]
    delimiter: str
    zipped: bool


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


def dialect(file: Path) -> Dialect:
    """How a CSV file is written, by its first line.

    Raises:
        DataError: it is no text in UTF-8, or its first line names no columns.
    """
    with file.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    with _opened(file, zipped=zipped) as stream:
        head = stream.read(_chunk)
    line = _first_line(file, head)
    parted = [(next(csv.reader(io.StringIO(line), delimiter=sign), []), sign) for sign in ",;\t|"]
    names, delimiter = max(parted, key=lambda option: len(option[0]))
    if not any(name.strip() for name in names):
        raise DataError(file, ["its first line must name the columns"])
    return Dialect(tuple(name.strip() or f"column_{i + 1}" for i, name in enumerate(names)), delimiter, zipped)


def first_rows(file: Path, written: Dialect, most: int) -> list[list[str]]:
    """The first rows of a file, at most so many; those that are not as wide as its first line are rejected."""
    with _as_text(file, written) as text:
        rows = islice(csv.reader(text, delimiter=written.delimiter), 1, most + 1)
        return [row for row in rows if len(row) == len(written.columns)]


def load(backend: Any, file: Path, written: Dialect, into: str) -> Loaded:
    """Loads a file into a table of text, in its order, and says which rows are rejected.

    The table has `c0`.. and `__extra`, which is filled in rows that are rejected.

    Raises:
        DataError: a quote is never closed.
    """
    signs = _signs(file, written)
    if signs.quotes % 2:
        _check_closed(file, written)
    with tempfile.TemporaryDirectory() as folder:
        plain = _with_one_line_end(file, written, Path(folder) / "rows.csv") if signs.mixed else None
        _read(backend, plain or file, written, into, zipped=written.zipped and plain is None)
    rejected = backend.raw_sql(f"SELECT DISTINCT line, error_type::VARCHAR FROM {into}_rejects ORDER BY ALL").fetchall()
    rejected_rows = [(int(line) - 1, str(rule).lower().replace(" ", "_")) for line, rule in rejected]
    blank = _blank_rows(file, written) if signs.blank else []
    number = _numbered(backend, into, sorted({*blank, *(row for row, _ in rejected_rows)}))
    surplus = f"SELECT {number} FROM {into} WHERE {EXTRA} IS NOT NULL ORDER BY ALL"
    rejected_rows += [(int(row), "too_many_fields") for (row,) in backend.raw_sql(surplus).fetchall()]
    if signs.nuls:
        rejected_rows += [(row, "nul_byte") for row in _with_nul(backend, into, number, len(written.columns))]
    return Loaded(number, tuple(rejected_rows))


def _numbered(backend: Any, into: str, absent: Sequence[int]) -> str:
    """The SQL of a row's number in its file, where rows with the given numbers, rising, are not in the table."""
    if not absent:
        return "rowid + 1"
    starts = [
        row - earlier for earlier, row in enumerate(absent)
    ]  # the position in the table from which one more is absent
    steps = pa.table({"start": starts, "until": [*starts[1:], 2**62], "more": range(1, len(absent) + 1)})
    backend.con.register("penchant_steps", steps)
    backend.raw_sql(f"ALTER TABLE {into} ADD COLUMN {_row_number} BIGINT")
    backend.raw_sql(
        f"UPDATE {into} SET {_row_number} = {into}.rowid + 1 + more FROM penchant_steps "
        f"WHERE {into}.rowid + 1 >= start AND {into}.rowid + 1 < until"
    )
    backend.con.unregister("penchant_steps")
    return f"coalesce({_row_number}, rowid + 1)"


def _blank_rows(file: Path, written: Dialect) -> list[int]:
    """The numbers of the rows without a single sign, which DuckDB passes over."""
    with _as_text(file, written) as text:
        return [row for row, cells in enumerate(csv.reader(text, delimiter=written.delimiter)) if not cells]


def seems_data(names: Sequence[str]) -> bool:
    """Whether a first line seems to hold values, which must not be repeated, rather than names.

    >>> seems_data(["customer", "date"]), seems_data(["c17", "2024-05-01", "12,50"])
    (False, True)
    """
    return any(read_each(name) == read_each(name) or read_moment(name) is not None for name in names)


def _opened(file: Path, *, zipped: bool) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(file) if zipped else file.open("rb")


def _first_line(file: Path, head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(file, ["must be UTF-8, got UTF-16: save it as UTF-8, as `iconv -f UTF-16 -t UTF-8` does"])
    first = head.removeprefix(codecs.BOM_UTF8).replace(b"\r", b"\n").split(b"\n", 1)[0]
    if b"\x00" in first or first.lstrip().startswith(tuple(sign.encode() for sign in _no_header)):
        raise DataError(file, ["must be a Parquet, CSV or DuckDB file"])
    try:
        return first.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(file, [f"must be UTF-8: its first line is not{_other_code}"]) from None


def _chunks(file: Path, written: Dialect) -> Iterator[bytes]:
    """A file's bytes; no CR LF is parted."""
    with _opened(file, zipped=written.zipped) as stream:
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
        with _as_text(file, written) as text:
            reader = csv.reader(text, delimiter=written.delimiter)
            for _ in reader:
                row += 1
                before, last = last, reader.line_num
        with _as_text(file, written) as text:
            list(csv.reader(islice(text, before, None), delimiter=written.delimiter, strict=True))
    except csv.Error:
        raise DataError(file, [f"a quote must be closed: the one opened in row {max(row - 1, 1)} is not"]) from None


def _as_text(file: Path, written: Dialect) -> io.TextIOWrapper:
    return io.TextIOWrapper(_opened(file, zipped=written.zipped), encoding="utf-8", errors="replace", newline="")


def _read(backend: Any, file: Path, written: Dialect, into: str, *, zipped: bool) -> None:
    types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(written.columns)))
    backend.raw_sql("SET preserve_insertion_order = true")
    backend.raw_sql(
        f"CREATE TEMP TABLE {into} AS SELECT * FROM read_csv({literal(str(file))}, auto_detect=false, header=true, "
        f"delim={literal(written.delimiter)}, quote='\"', escape='\"', columns={{{types}, '{EXTRA}': 'VARCHAR'}}, "
        f"compression='{'gzip' if zipped else 'none'}', null_padding=true, strict_mode=true, parallel=false, "
        f"store_rejects=true, rejects_table='{into}_rejects', rejects_scan='{into}_scans', max_line_size=10000000)"
    )
    backend.raw_sql("SET preserve_insertion_order = false")


def _with_nul(backend: Any, into: str, number: str, width: int) -> list[int]:
    """The rows with a NUL byte that are not rejected yet; from now on they are."""
    cells = ", ".join(f"c{index}" for index in range(width))
    broken = f"{EXTRA} IS NULL AND contains(concat_ws('', {cells}), chr(0))"
    found = backend.raw_sql(f"SELECT {number} FROM {into} WHERE {broken} ORDER BY ALL").fetchall()
    backend.raw_sql(f"UPDATE {into} SET {EXTRA} = 'nul' WHERE {broken}")
    return [int(row) for (row,) in found]
