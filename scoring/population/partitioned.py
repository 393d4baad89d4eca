"""Tables written into files by customer: each customer's rows go to the part that the id's checksum names."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.spec.feature import CUSTOMER_ID
from scoring.population.days import PARTS
from scoring.storage.table_files import parquet_writer

BUFFERED = 2_048  # rows of a part that wait to become a row group: few enough for a flat memory


def part_of(customer: str) -> int:
    """The number of a customer's part.

    >>> part_of("C-1") == part_of("C-1") < PARTS
    True
    """
    return crc32(customer.encode("utf-8", "surrogatepass")) % PARTS


def part_name(prefix: str, number: int) -> str:
    """The file of a part."""
    return f"{prefix}-{number:02}.parquet"


class Partitioned:
    """Writes tables with a `customer_id` into the parts of a folder, in the order in which they come."""

    def __init__(self, folder: Path, prefix: str, *, for_long: bool = True) -> None:
        self._folder, self._prefix, self._for_long = folder, prefix, for_long
        self._waiting: dict[int, list[pa.Table]] = defaultdict(list)
        self._writers: dict[int, pq.ParquetWriter] = {}

    def write(self, table: pa.Table) -> None:
        """Takes in rows, each of a customer with an id."""
        found, sorted_rows = _parts_of(table.column(CUSTOMER_ID)), table
        if (found[1:] < found[:-1]).any():
            order = np.argsort(found, kind="stable")
            found, sorted_rows = found[order], table.take(order)
        starts = np.flatnonzero(np.diff(found, prepend=-1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(found)], strict=True):
            number = int(found[start])
            # a copy, else a few rows would keep the whole batch in memory
            self._waiting[number].append(pa.concat_tables([sorted_rows.slice(start, end - start)]).combine_chunks())
            if sum(map(len, self._waiting[number])) >= BUFFERED:
                self._flush(number)

    def close(self) -> None:
        """Ends the files that were begun; what is written from then on must be of other parts."""
        for number in sorted(self._waiting):
            self._flush(number)
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _flush(self, number: int) -> None:
        waiting = self._waiting.pop(number, [])
        if not waiting:
            return
        table = pa.concat_tables(waiting)
        if number not in self._writers:
            path = self._folder / part_name(self._prefix, number)
            self._writers[number] = parquet_writer(path, table.schema, for_long=self._for_long)
        self._writers[number].write_table(table)


def _parts_of(customers: pa.ChunkedArray) -> NDArray[np.int64]:
    """The number of the part of each."""
    return np.fromiter(map(crc32, customers.cast(pa.binary()).to_pylist()), np.int64, len(customers)) % PARTS
