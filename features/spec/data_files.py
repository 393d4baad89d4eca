"""Which files hold rows, and of what kind each is, by what stands in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

FileKind = Literal["parquet", "csv", "duckdb"]
_data_file = re.compile(r"\.(parquet|pq|csv|tsv|txt)(\.gz)?$", re.IGNORECASE)
_parquet = (".parquet", ".pq")


class UnreadableError(ValueError):
    """A file holds no rows that can be read; `rule` is what it must be, as a sentence after its name."""

    def __init__(self, file: Path, rule: str) -> None:
        self.file, self.rule = file, rule
        super().__init__(f"{file.name} {rule}")


def data_files(path: Path) -> list[Path]:
    """The file itself, or the data files of a folder in the order of their names; hidden ones ignored.

    Raises:
        UnreadableError: It is not there or empty, or a folder without one.
    """
    if not path.exists():
        raise UnreadableError(path, "is not there")
    if path.is_file():
        if path.stat().st_size == 0:
            raise UnreadableError(path, "is empty")
        return [path]
    found = sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.stat().st_size > 0
        and is_data_file(file.name)
        and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    )
    if not found:
        raise UnreadableError(path, "is a folder without a data file")
    return found


def is_data_file(name: str) -> bool:
    """Whether a file holds rows, by its ending."""
    return _data_file.search(name) is not None


def file_kind(file: Path) -> FileKind:
    """What a file is: Parquet and DuckDB by their first bytes or ending, else CSV."""
    with file.open("rb") as stream:
        head = stream.read(12)
    if head[:4] == b"PAR1" or file.suffix.lower() in _parquet:
        return "parquet"
    return "duckdb" if head[8:12] == b"DUCK" else "csv"
