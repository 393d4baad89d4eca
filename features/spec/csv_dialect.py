"""How a CSV file is written: what stands above its rows, the sign that parts cells, whether it is gzipped.

Every reader of CSV, in training and in scoring, begins here; what no reader could read is refused here, in a sentence.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from features.spec.data_files import UnreadableError
from features.spec.moments import read_moment
from features.spec.numbers import read_each

_head = 1 << 20  # bytes that are looked at
_signs = ",;\t|"
_few = 1_000  # rows by which a file's habits are judged
_longest_header = 100  # lines, of a header whose names hold line ends
_declared = re.compile(rb"\s*\"?sep=([,;|\t])\"?\s*", re.IGNORECASE)  # as Excel reads and writes it
_other_code = "; it may be Latin-1 or Windows-1252, which `iconv -f WINDOWS-1252 -t UTF-8` turns into UTF-8"
_markup = (b"{", b"[{", b"[[", b"<")  # JSON, XML
_no_table = "must be a Parquet, CSV or DuckDB file"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written, by its first lines."""

    columns: tuple[str, ...]
    delimiter: str
    zipped: bool
    skipped: int = 0  # lines above the header: `sep=;`, a title, blank ones
    above: int = 1  # lines above the first row, with the header's
    start: int = 0  # bytes before the first row, unzipped
    padded: bool = False  # most rows are shorter than the header: that is how the file leaves cells blank


def dialect(file: Path) -> Dialect:
    """How a CSV file is written, by its first lines.

    Raises:
        UnreadableError: It is no text in UTF-8, or its first line names no columns.
    """
    with file.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    with open_bytes(file, zipped=zipped) as stream:
        head = stream.read(_head)
    marked = head.startswith(codecs.BOM_UTF8)
    lines = head.removeprefix(codecs.BOM_UTF8).splitlines(keepends=True)
    _check_text(file, head, lines[0] if lines else b"")
    skipped, sign = _above_header(lines)
    names, delimiter, height = _header(file, lines[skipped:], sign)
    columns = tuple(_one_line(name) or f"column_{i + 1}" for i, name in enumerate(names))
    above = skipped + height
    start = (len(codecs.BOM_UTF8) if marked else 0) + sum(map(len, lines[:above]))
    padded = _mostly_short(lines[above:], delimiter, len(columns))
    return Dialect(columns, delimiter, zipped, skipped, above, start, padded)


def open_bytes(file: Path, *, zipped: bool) -> gzip.GzipFile | io.BufferedReader:
    """A file's bytes, unzipped."""
    return gzip.open(file) if zipped else file.open("rb")


def open_text(file: Path, written: Dialect) -> io.TextIOWrapper:
    """A file's text as Python's `csv` takes it; what is no UTF-8 is replaced."""
    stream = open_bytes(file, zipped=written.zipped)
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")


def first_rows(file: Path, written: Dialect, most: int) -> list[list[str]]:
    """The first rows of a file, at most so many; those that are not as wide as its header are left out."""
    with open_text(file, written) as text:
        rows = csv.reader(islice(text, written.skipped, None), delimiter=written.delimiter)
        return [row for row in islice(rows, 1, most + 1) if len(row) == len(written.columns)]


def seems_data(names: Sequence[str]) -> bool:
    """Whether a first line seems to hold values, which must not be repeated, rather than names.

    >>> seems_data(["customer", "date"]), seems_data(["c17", "2024-05-01", "12,50"])
    (False, True)
    """
    return any(read_each(name) == read_each(name) or read_moment(name) is not None for name in names)


def _check_text(file: Path, head: bytes, first: bytes) -> None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableError(file, "must be UTF-8, got UTF-16: save it as UTF-8, as `iconv -f UTF-16 -t UTF-8` does")
    if head.startswith(b"PK\x03\x04"):
        raise UnreadableError(file, f"{_no_table}, got an Excel workbook or a ZIP archive: save its sheet as CSV")
    if b"\x00" in first or first.lstrip().startswith(_markup):
        raise UnreadableError(file, _no_table)


def _above_header(lines: Sequence[bytes]) -> tuple[int, str | None]:
    """How many lines stand above the header, and the sign that the first of them declares."""
    skipped = _blank(lines, 0)
    sign = None
    if skipped < len(lines) and (declared := _declared.fullmatch(lines[skipped])):
        sign = declared[1].decode()
        skipped = _blank(lines, skipped + 1)
    return _below_title(lines, skipped, sign), sign


def _blank(lines: Sequence[bytes], at: int) -> int:
    """The place of the first line from there on that holds anything."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _below_title(lines: Sequence[bytes], at: int, sign: str | None) -> int:
    """The place of the header where a title stands above it, else the same place.

    A title is one cell of several words, or padded by empty ones; below it stand names and no values.
    """
    if at >= len(lines):
        return at
    below = at + 1
    while below < len(lines) and not lines[below].strip(b",;\t| \r\n"):
        below += 1
    names, delimiter, _ = _parted(lines[below:], sign)
    title = next(csv.reader([_text(lines[at : at + 1])], delimiter=delimiter), [])
    filled = [cell for cell in title if cell.strip()]
    wordy = len(filled) == 1 and (len(filled[0].split()) > 1 or len(title) > 2)
    named = [name.strip() for name in names if name.strip()]
    if wordy and len(title) <= len(names) and 1 < len(named) == len(set(named)) and not seems_data(named):
        return below
    return at


def _header(file: Path, lines: Sequence[bytes], sign: str | None) -> tuple[list[str], str, int]:
    """The names in the header, the sign that parts them into most, and how many lines it takes."""
    names, delimiter, height = _parted(lines, sign)
    try:
        b"".join(lines[:height]).decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableError(file, f"must be UTF-8: its first line is not{_other_code}") from None
    if not any(name.strip() for name in names):
        raise UnreadableError(file, "must name the columns in its first line")
    return names, delimiter, height


def _parted(lines: Sequence[bytes], sign: str | None) -> tuple[list[str], str, int]:
    """The first record's cells, the sign that parts it into most, and how many lines it takes."""
    parted = [_first_record(lines[:_longest_header], one) for one in sign or _signs]
    return max(parted, key=lambda option: len(option[0]))


def _first_record(lines: Sequence[bytes], sign: str) -> tuple[list[str], str, int]:
    reader = csv.reader([_text([line]) for line in lines], delimiter=sign)
    record = next(reader, [])
    if 1 < reader.line_num == len(lines):  # a quote that is never closed: a sign like others
        return next(csv.reader([_text(lines[:1])], delimiter=sign, quoting=csv.QUOTE_NONE), []), sign, 1
    return record, sign, reader.line_num


def _text(lines: Sequence[bytes]) -> str:
    return b"".join(lines).decode("utf-8", errors="replace")


def _one_line(name: str) -> str:
    """A name as it is; one with line ends without them."""
    return name.strip() if len(name.splitlines()) < 2 else " ".join(name.split())


def _mostly_short(lines: Sequence[bytes], delimiter: str, width: int) -> bool:
    rows = [row for row in csv.reader(io.StringIO(_text(lines[:_few]), newline=""), delimiter=delimiter) if row]
    return 2 * sum(len(row) < width for row in rows) > len(rows)
