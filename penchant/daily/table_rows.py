"""Whom to score of a ready table: the rows of a file of its own, else those of the table that have no label."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.config.use_case import TableUseCase
from features.errors import DataError
from features.spec.feature import CUSTOMER_ID
from features.spec.missing import WORDS
from features.spec.suppression_list import objectors_of
from scoring.population.read_days import without
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import BatchError, read_batches


def rows_to_score(use_case: TableUseCase, rows: Path | None, home: Path) -> pa.Table:
    """The customers of a ready table who have no label yet, or those of `rows`; the id stands in `customer_id`.

    Objectors and the erased are left out.

    Raises:
        DataError: The table has no ids, or there is nobody to score.
        BatchError: A file cannot be read.
    """
    table = use_case.table
    source = table.path if rows is None else rows
    if table.customer_id is None:
        raise DataError(use_case.file, ["[table] customer_id must name a column, to have customers day by day"])
    own = table.customer_id
    batches = [_to_score(batch, own, table.label if rows is None else None) for batch in _read(source, own)]
    found = without(pa.concat_tables(batches, promote_options="default"), objectors_of(home))
    if not len(found):
        rule = f"{source.name} must hold rows without a label, or [[use_case]] rows name a file of customers to score"
        raise DataError(use_case.file, [rule])
    return found


def _read(source: Path, customer_id: str) -> list[pa.Table]:
    batches = list(read_batches(source))
    if not batches or customer_id not in batches[0].column_names:
        raise BatchError(f"{source.name} must hold the column {customer_id} and rows, got none.")
    return batches


def _to_score(batch: pa.Table, customer_id: str, label: str | None) -> pa.Table:
    """The rows with an id, and of a table with a label those without one."""
    ids = id_column(batch.column(customer_id))
    others = [name for name in batch.column_names if name not in (customer_id, CUSTOMER_ID)]
    rows = pa.table({CUSTOMER_ID: ids, **{name: batch.column(name) for name in others}})
    there = ids.is_valid()
    return rows.filter(there if label is None else pc.and_(there, _without_label(batch.column(label))))


def _without_label(labels: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(labels.type):
        return pc.is_null(labels, nan_is_null=True)
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(labels))
    missing = pc.or_(pc.equal(texts, ""), pc.is_in(texts, pa.array(sorted(WORDS))))
    unknown: pa.ChunkedArray = pc.or_(pc.is_null(labels), missing.fill_null(True))
    return unknown
