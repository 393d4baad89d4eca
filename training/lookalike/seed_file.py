"""The file that names a seed: a column of ids of whichever name, counted before anything is learned from it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from features.spec.feature import CUSTOMER_ID
from features.spec.ids import EDGES, read_id
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import BatchError, read_batches


@dataclass(frozen=True, slots=True)
class SeedFile:
    """The ids of a seed file, each once, in its order, and what else its rows say."""

    ids: tuple[str, ...]
    rows: int
    blank: int  # rows whose cell names nobody
    header: str | None = None  # what heads an only column of another name: a column's name, or the first id

    @property
    def repeated(self) -> int:
        """Rows that name somebody an earlier row has named."""
        return self.rows - self.blank - len(self.ids)

    def among(self, known: Collection[str]) -> SeedFile:
        """The same once it is known who is a customer: a first line that names one is no header."""
        if self.header not in known:
            return self
        return SeedFile(tuple(dict.fromkeys([self.header or "", *self.ids])), self.rows + 1, self.blank)


def read_seed(file: Path, columns: Sequence[str] = (), *, column: str | None = None) -> SeedFile:
    """The ids of a Parquet or CSV file, of the column asked for, of a known one, or of the only one.

    Args:
        file: Parquet, CSV or a text with an id a line.
        columns: What a column of ids may be called beside `customer_id`, the likeliest first.
        column: The one that holds the ids; None where the file says it.

    Raises:
        BatchError: It cannot be read, or does not say which of several columns holds the ids.
    """
    found: list[str | None] = []
    header: str | None = None
    for table in read_batches(file):
        name, known = _column(table, [column] if column is not None else [CUSTOMER_ID, *columns], column)
        header = None if known else read_id(name)
        found += id_column(table.column(name)).to_pylist()
    there = [one for one in found if one is not None]
    return SeedFile(tuple(dict.fromkeys(there)), len(found), len(found) - len(there), header)


def _column(table: pa.Table, wanted: Sequence[str], asked: str | None) -> tuple[str, bool]:
    """The column of ids, and whether its name says that it is one."""
    names = {name.strip(EDGES).casefold(): name for name in reversed(table.column_names)}
    for name in wanted:
        if (folded := name.strip(EDGES).casefold()) in names:
            return names[folded], True
    filled = list(_filled(table))
    if asked is None and len(filled) == 1:
        return filled[0], False
    rule = (
        "--column must name a column of the seed file" if asked else f"A seed file must have one column, {CUSTOMER_ID}"
    )
    if asked is None:
        rule += ", or its column of ids named by --column"
    raise BatchError(f"{rule}, got {table.num_columns} others.")


def _filled(table: pa.Table) -> Iterator[str]:
    """The columns with anything in them: what a sign at the end of each line parts is none."""
    for name in table.column_names:
        if table.column(name).null_count < len(table):
            yield name
