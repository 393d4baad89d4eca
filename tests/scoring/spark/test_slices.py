from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.spark.slices import MOST_BATCHES, plan_slices, rows_a_slice, slice_tables
from scoring.storage.table_files import ROWS, read_batches

SIZES = st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=6), min_size=1, max_size=4)


def write_groups(path: Path, sizes: list[int], first: int) -> int:
    """A Parquet file with row groups of these sizes, its rows numbered from `first`; returns the number after them."""
    schema = pa.schema([("row", pa.int64()), ("level", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for size in sizes:
            rows = range(first, first + size)
            table = pa.table({"row": list(rows), "level": [f"l{row % 3}" for row in rows]}, schema=schema)
            writer.write_table(table, row_group_size=size)
            first += size
    return first


@given(sizes=SIZES, batch=st.integers(1, 50), most=st.integers(1, 60))
def test_slices_are_every_row_once_and_in_order(sizes: list[list[int]], batch: int, most: int) -> None:
    """Of any files and row groups, cut into slices of any size; each table is where its number says."""
    with tempfile.TemporaryDirectory() as folder, patch("scoring.storage.table_files.ROWS", batch):
        first = 0
        for number, groups in enumerate(sizes):
            first = write_groups(Path(folder) / f"{number}.parquet", groups, first)

        found = [pair for one in plan_slices(Path(folder), most) for pair in slice_tables(one, ["level"])]

        rows = [row for _, table in found for row in table.column("row").to_pylist()]
        assert rows == list(range(first))
        assert [before for before, _ in found] == [table.column("row")[0].as_py() for _, table in found]


@given(rows=st.integers(1, 300), batch=st.integers(1, 50), most=st.integers(1, 4))
def test_slices_of_whole_batches_are_the_batches_of_one_machine(rows: int, batch: int, most: int) -> None:
    """The same tables, where slices of a large row group are of whole batches."""
    with tempfile.TemporaryDirectory() as folder, patch("scoring.storage.table_files.ROWS", batch):
        path = Path(folder) / "in.parquet"
        write_groups(path, [rows], 0)

        found = [table for one in plan_slices(path, most * batch) for _, table in slice_tables(one, [])]

        assert [table.to_pydict() for table in found] == [table.to_pydict() for table in read_batches(path)]


def test_a_file_that_is_no_parquet_is_one_slice(tmp_path: Path) -> None:
    """Which row its successor begins with only reading would say."""
    pacsv.write_csv(pa.table({"row": list(range(30))}), tmp_path / "a.csv")
    write_groups(tmp_path / "b.parquet", [5], 0)

    found = plan_slices(tmp_path, 10)

    assert [(one.before, one.groups) for one in found] == [(0, None), (None, (0, 1))]
    assert [len(table) for one in found for _, table in slice_tables(one, [])] == [30, 5]


def test_another_file_than_was_planned_is_refused(tmp_path: Path) -> None:
    """A worker that sees an older copy of the source scores nothing of it."""
    write_groups(tmp_path / "in.parquet", [5], 0)
    planned = plan_slices(tmp_path, 10)[0]
    write_groups(tmp_path / "in.parquet", [5, 5, 5], 0)

    with pytest.raises(OSError, match="as the driver saw it"):
        list(slice_tables(planned, []))


@pytest.mark.parametrize(
    ("rows", "cores", "batches"),
    [(100, 2, 1), (1_000_000, 2, 1), (2_000_000, 2, 3), (100_000_000, 2, 4), (100_000_000, 400, 1), (None, 2, 4)],
)
def test_a_task_takes_some_whole_batches(rows: int | None, cores: int, batches: int) -> None:
    """At most `MOST_BATCHES`, and fewer where cores would wait."""
    assert rows_a_slice(rows, cores) == batches * ROWS
    assert batches <= MOST_BATCHES
