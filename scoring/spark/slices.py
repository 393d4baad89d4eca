"""Which rows make one task: slices of a source in its order, planned before any row is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import pyarrow as pa
from msgspec import Struct

from scoring.storage.table_files import ROWS, batch_groups, read_batches, read_rows, source_files

MOST_BATCHES = 4  # of a task: so long that starting one costs little, so short that little is lost with one
TASKS_A_CORE = 4  # at least, where there are rows for it: whoever is done first takes the next


class Slice(Struct, frozen=True):
    """Rows of one file that are read, scored and written together."""

    file: str
    size: int  # of the file in bytes, as it was planned
    before: int | None  # rows of the source before the first one here; None where only reading would say
    groups: tuple[int, int] | None = None  # row groups of Parquet, from and to; None: a whole file of another kind
    rows: tuple[int, int] = (0, 0)  # from and to, counted from the first of the groups


def plan_slices(source: Path, rows_a_slice: int) -> list[Slice]:
    """The slices of a file, or of a folder of them, in the order in which one machine reads it.

    A slice of Parquet has about `rows_a_slice` rows: row groups that are read together, or part of a large one. Any
    other file is one slice, as where a row begins is known only to who has read all before it.

    Raises:
        BatchError: The source is not there, or cannot be read.
    """
    found: list[Slice] = []
    before: int | None = 0
    for path in source_files(source):
        groups = batch_groups(path)
        if groups is None:
            found.append(Slice(str(path.resolve()), path.stat().st_size, before))
            before = None
            continue
        found += _of_parquet(path, groups, before, rows_a_slice)
        before = None if before is None else before + sum(rows for _, rows in groups)
    return found


def rows_a_slice(rows: int | None, cores: int) -> int:
    """How many rows a task takes of so many on so many cores: some whole batches, at most `MOST_BATCHES`."""
    batches = MOST_BATCHES if rows is None else rows // ROWS // (TASKS_A_CORE * cores)
    return ROWS * min(max(batches, 1), MOST_BATCHES)


def slice_tables(planned: Slice, repeated: Sequence[str]) -> Iterator[tuple[int | None, pa.Table]]:
    """The tables of a slice, each with how many rows of the source stand before it.

    Raises:
        OSError: The file is not there, or another than was planned.
        BatchError: It cannot be read.
    """
    path = Path(planned.file)
    if (size := path.stat().st_size) != planned.size:
        raise OSError(f"{path.name} must have {planned.size} bytes, as the driver saw it, got {size}.")
    before = planned.before
    if planned.groups is None:
        tables = read_batches(path, mark_broken=True, repeated=repeated)
    else:
        tables = read_rows(path, range(*planned.groups), range(*planned.rows), repeated)
    for table in tables:
        yield before, table
        before = None if before is None else before + len(table)


def _of_parquet(path: Path, groups: Sequence[tuple[range, int]], before: int | None, most: int) -> Iterator[Slice]:
    file, size = str(path.resolve()), path.stat().st_size
    for stretch, rows in _stretches(groups, most):
        cuts = [most * piece for piece in range(max(1, rows // most))]  # the last piece takes what is over
        for start, stop in pairwise([*cuts, rows]):
            ahead = None if before is None else before + start
            yield Slice(file, size, ahead, (stretch.start, stretch.stop), (start, stop))
        before = None if before is None else before + rows


def _stretches(groups: Sequence[tuple[range, int]], most: int) -> Iterator[tuple[range, int]]:
    """Neighbours joined until they have so many rows."""
    first, rows = 0, 0
    totals = list(accumulate(count for _, count in groups))
    for at, ((span, _), total) in enumerate(zip(groups, totals, strict=True)):
        if total - rows >= most or at == len(groups) - 1:
            yield range(groups[first][0].start, span.stop), total - rows
            first, rows = at + 1, total
