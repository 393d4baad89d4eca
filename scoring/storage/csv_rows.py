"""The rows of a CSV file a block at a time, by the reader that training has: in order, each once, none lost."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.spec.csv_dialect import Dialect, dialect, open_bytes
from features.spec.csv_sql import ROW_RULES, RULE, rejects_sql, rows_sql
from features.spec.data_files import UnreadableError

BROKEN = "__broken"  # a column of tables with rows that cannot be read: the line and what it must be; null for others
_block = 1 << 22  # bytes: so many that a query costs little, so few that memory stays flat
_longest = 1 << 26  # bytes in which a row must end


def csv_tables(file: Path) -> Iterator[pa.Table]:
    """The rows of a file as text, null where empty; a row that cannot be read is said to be so in `BROKEN`.

    Raises:
        UnreadableError: It is no CSV, or ends inside quotes.
    """
    import duckdb  # only who reads CSV needs it

    written = dialect(file)
    line = written.above + 1
    settings: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "memory_limit": "1GB"}
    with tempfile.TemporaryDirectory(prefix="penchant-") as folder, duckdb.connect(config=settings) as engine:
        part = Path(folder) / "rows.csv"
        for number, block in enumerate(_blocks(file, written)):
            part.write_bytes(block)
            try:
                read = _read(engine, part, written, f"rejects_{number}", nul=b"\x00" in block)
            except duckdb.Error as error:  # its message may quote a cell
                raise UnreadableError(file, f"cannot be read from line {line} on: {type(error).__name__}") from error
            yield _table(read, block, written, line)
            line += block.count(b"\n")


@dataclass(frozen=True, slots=True)
class _Read:
    """What DuckDB made of a block."""

    rows: pa.Table  # under the names of the file
    rules: pa.ChunkedArray  # that they broke
    rejected: Mapping[int, str]  # the rules of others, by their record from 1


def _read(engine: Any, part: Path, written: Dialect, rejects: str, *, nul: bool) -> _Read:
    rows = engine.execute(rows_sql(part, written, rejects=rejects, nul=nul, whole=False)).to_arrow_table()
    rejected = dict(engine.execute(rejects_sql(rejects)).fetchall())
    engine.execute(f"DROP TABLE {rejects}; DROP TABLE {rejects}_scans")
    return _Read(rows.drop_columns([RULE]).rename_columns(list(written.columns)), rows.column(RULE), rejected)


def _table(read: _Read, block: bytes, written: Dialect, line: int) -> pa.Table:
    """A block's rows in order; `line` is the number of its first line."""
    if not read.rejected and read.rules.null_count == len(read.rules):
        return read.rows
    order: list[int | None] = []
    broken: list[str | None] = []
    rules = enumerate(read.rules.to_pylist())
    for record, at in _records(block, written, line):
        rejected = read.rejected.get(record)
        place, rule = (None, rejected) if rejected else next(rules, (None, "unreadable"))
        order.append(place)
        broken.append(rule and f"line {at}: {ROW_RULES.get(rule, rule)}")
    order += (surplus := [place for place, _ in rules])  # none, unless Python and DuckDB part a row differently
    broken += [None] * len(surplus)
    return read.rows.take(pa.array(order, pa.int64())).append_column(BROKEN, pa.array(broken, pa.string()))


def _records(block: bytes, written: Dialect, line: int) -> Iterator[tuple[int, int]]:
    """The number of each record of a block that is not blank, from 1, and the line it begins in."""
    reader, before = csv.reader(_text(block), delimiter=written.delimiter), 0
    for record, cells in enumerate(reader, 1):
        if cells:
            yield record, line + before
        before = reader.line_num


def _text(block: bytes) -> io.StringIO:
    return io.StringIO(block.decode("utf-8", errors="replace"), newline="")


def _blocks(file: Path, written: Dialect) -> Iterator[bytes]:
    """The rows of a file as bytes, each block ending with a row; all lines end alike.

    Raises:
        UnreadableError: The last row ends inside quotes.
    """
    rest = b""
    with open_bytes(file, zipped=written.zipped) as stream:
        stream.read(written.start)
        while chunk := stream.read(_block):
            chunk += stream.read(1) if chunk.endswith(b"\r") else b""
            rest += chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            end = _row_end(rest) or (rest.rfind(b"\n") + 1 if len(rest) > _longest else 0)
            if end:
                yield rest[:end]
                rest = rest[end:]
    if rest.count(b'"') % 2:
        _check_closed(file, rest, written)
    if rest.strip():
        yield rest


def _row_end(block: bytes) -> int:
    """Where the last whole row ends: at a line end with an even number of quotes before it; 0 where there is none."""
    end, quotes = len(block), block.count(b'"')
    cut = block.rfind(b"\n")
    while cut >= 0:
        quotes -= block.count(b'"', cut, end)
        if quotes % 2 == 0:
            return cut + 1
        end, cut = cut, block.rfind(b"\n", 0, cut)
    return 0


def _check_closed(file: Path, block: bytes, written: Dialect) -> None:
    """Refuses rows that end inside quotes; an odd number of them may also be an inch sign."""
    begins = [line for _, line in _records(block, written, 0)]
    last = b"".join(block.splitlines(keepends=True)[begins[-1] :]) if begins else b""
    try:
        list(csv.reader(_text(last), delimiter=written.delimiter, strict=True))
    except csv.Error:
        raise UnreadableError(file, "must close every quote, and ends inside one") from None
