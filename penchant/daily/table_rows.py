"""Whom to score of a ready table: the rows of a file of its own, else those of the table that have no label."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.config.use_case import Table, TableUseCase
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
    batches = [_to_score(batch, table, labelled=rows is None) for batch in _read(source, table.customer_id)]
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


def _to_score(batch: pa.Table, table: Table, *, labelled: bool) -> pa.Table:
    ids = id_column(batch.column(table.customer_id))
    others = [name for name in batch.column_names if name not in (table.customer_id, CUSTOMER_ID)]
    rows = batch.select(others).add_column(0, CUSTOMER_ID, ids)
    keep = pc.is_valid(ids)
    if labelled:
        keep = pc.and_(keep, _without_label(batch.column(table.label)))
    return rows.filter(keep)


def _without_label(labels: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(labels.type):
        return pc.is_null(labels, nan_is_null=True)
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(labels))
    missing = pc.or_(pc.equal(texts, ""), pc.is_in(texts, pa.array(sorted(WORDS))))
    return pc.or_(pc.is_null(labels), missing.fill_null(True))
