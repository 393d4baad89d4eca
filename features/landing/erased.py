"""Whoever was erased from a home leaves its landed copies too, and does not come back with what is read later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.landing.ports import RowsRead
from features.spec.suppression_list import Objectors


def without_erased(read: RowsRead, customers: Sequence[str], erased: Objectors | None) -> RowsRead:
    """The rows that are not of whoever was erased."""
    if erased is None or not customers:
        return read
    kept = _kept(read.batches, customers, erased)
    return RowsRead(read.schema, kept, read.since, read.watermark)


def _kept(batches: Iterator[pa.RecordBatch], customers: Sequence[str], erased: Objectors) -> Iterator[pa.RecordBatch]:
    known: dict[str, bool] = {}
    for batch in batches:
        yield batch.filter(_is_kept(pa.Table.from_batches([batch]), customers, erased, known))


def clear_part(path: Path, customers: Sequence[str], erased: Objectors, target: Path) -> bool:
    """Writes a part without whoever was erased; False, and nothing written, where it holds nobody of them."""
    known: dict[str, bool] = {}
    with pq.ParquetFile(path) as file:
        columns = [name for name in customers if name in file.schema_arrow.names]
        batches = file.iter_batches(columns=columns) if columns else iter(())
        found = any(
            not pc.all(_is_kept(pa.Table.from_batches([one]), columns, erased, known)).as_py()
            for one in batches
            if len(one)
        )
        if not found:
            return False
        with pq.ParquetWriter(target, file.schema_arrow) as writer:
            for batch in file.iter_batches():
                table = pa.Table.from_batches([batch])
                writer.write_table(table.filter(_is_kept(table, columns, erased, known)))
    return True


def _is_kept(rows: pa.Table, customers: Sequence[str], erased: Objectors, known: dict[str, bool]) -> pa.ChunkedArray:
    """Whether each row is of nobody who was erased; each id is looked up once."""
    kept = pa.chunked_array([pa.array([True] * len(rows), pa.bool_())])
    for name in customers:
        texts = rows.column(name).cast(pa.string())
        new = [text for text in texts.unique().to_pylist() if text is not None and text not in known]
        gone = erased.among(new)
        known.update((text, text in gone) for text in new)
        theirs = pa.array([text for text, is_gone in known.items() if is_gone], pa.string())
        kept = pc.and_(kept, pc.invert(pc.is_in(texts, value_set=theirs)))
    return kept
