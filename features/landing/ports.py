"""What every kind of source offers to be landed: rows that answer a question, or files that are compared by name."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from features.errors import DataError


class SourceUnavailableError(OSError):
    """A source cannot be reached, or does not let us read; the landed copy is as it was."""

    def __init__(self, address: str, rule: str) -> None:
        super().__init__(errno.EIO, rule, address)

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


@dataclass(frozen=True, slots=True)
class RowsRead:
    """Rows as they come, in any order, all as of one moment."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    since: str | None = None  # from which cursor on they are; None: all there are
    watermark: str | None = None  # what the next one reads from; None: the greatest cursor that landed


class RowSource(Protocol):
    """A source that answers a query."""

    def read(self, watermark: str | None) -> AbstractContextManager[RowsRead]:
        """All rows, or those that may have come since a watermark of an earlier reading.

        Raises:
            SourceUnavailableError: It cannot be read.
            DataError: The query or a column is not what it should be.
        """


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source; another identity means other rows."""

    name: str
    identity: str


@dataclass(frozen=True, slots=True)
class FileListing:
    """The files of a source at one moment."""

    files: Sequence[SourceFile]  # in order of their names
    snapshot: str | None  # version or snapshot of a table; None where the files are all there is
    modified: datetime | None  # UTC


class FileSource(Protocol):
    """A source made of files."""

    def listing(self) -> FileListing:
        """The files as they are now.

        Raises:
            SourceUnavailableError: It cannot be read.
        """

    def schema(self, files: Sequence[SourceFile]) -> pa.Schema:
        """The columns of some files, of types that hold what each has.

        Raises:
            DataError: Their columns differ.
        """

    def land(self, file: SourceFile, target: Path, schema: pa.Schema) -> int:
        """Writes a file's rows as Parquet of a schema; how many of its rows cannot be read is returned.

        Raises:
            SourceUnavailableError: It cannot be read.
            DataError: Its values do not fit.
        """


Reader = RowSource | FileSource


def one_schema(redacted: str, schemas: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """The one schema of files with the same columns, of types that hold what each has.

    Raises:
        DataError: Columns differ, or types have nothing in common.
    """
    name, first = schemas[0]
    broken = []
    for other, schema in schemas[1:]:
        broken += [f"column {one!r} is in {name} and not in {other}" for one in first.names if one not in schema.names]
        broken += [f"column {one!r} is in {other} and not in {name}" for one in schema.names if one not in first.names]
    if broken:
        raise DataError(redacted, broken)
    try:
        found = pa.unify_schemas([schema for _, schema in schemas], promote_options="permissive")
    except pa.ArrowException as failure:
        raise DataError(redacted, ["a column must be of one type in all files, its types have no common one"]) from (
            failure
        )
    plain: pa.Schema = found.remove_metadata()
    return plain
