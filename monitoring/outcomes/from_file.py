"""Outcomes of a day read from a file: a customer a row, with what became of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from features.config.use_case import UseCase
from features.spec.feature import CUSTOMER_ID
from features.tables.outcome_schema import OUTCOME
from features.tables.target import labels_of
from monitoring.outcomes.outcome_file import OutcomeError
from scoring.storage.id_columns import id_column
from scoring.storage.table_files import read_batches

_FLAG = {"1": 1, "true": 1, "0": 0, "false": 0}


def file_outcomes(file: Path, use_case: UseCase) -> pl.DataFrame:
    """customer_id and outcome (1, 0) of those of whom the file says it; of a customer's rows the last one counts.

    A ready table's outcome stands in its label column, read as training reads it; `outcome` is 1 or 0 for any use case.

    Raises:
        OutcomeError: A column is missing, or `outcome` holds something else.
        BatchError: The file cannot be read.
    """
    table = use_case.table if use_case.source == "table" else None
    found = []
    for batch in read_batches(file):
        ids = next((one for one in (CUSTOMER_ID, table and table.customer_id) if one in batch.column_names), None)
        column = next((one for one in (table and table.label, OUTCOME) if one in batch.column_names), None)
        if ids is None or column is None:
            wanted = f"{OUTCOME} or {table.label}" if table else OUTCOME
            raise OutcomeError(
                f"{file.name} must hold {CUSTOMER_ID} and {wanted}, got {len(batch.column_names)} others."
            )
        cells = pl.Series(OUTCOME, batch.column(column).to_pylist(), strict=False)
        values = labels_of(cells, table.positive) if table and column == table.label else _flags(file, cells)
        found.append(
            pl.DataFrame([pl.Series(CUSTOMER_ID, id_column(batch.column(ids)).to_pylist(), pl.String), values])
        )
    rows = pl.concat(found) if found else pl.DataFrame(schema={CUSTOMER_ID: pl.String, OUTCOME: pl.Int8})
    return rows.drop_nulls().unique(CUSTOMER_ID, keep="last", maintain_order=True)


def _flags(file: Path, cells: pl.Series) -> pl.Series:
    """1, 0, or null where nothing is written."""
    texts = cells.cast(pl.String).str.strip_chars().str.to_lowercase().str.replace(r"\.0$", "")
    filled = texts.set(texts == "", None)
    strange = filled.drop_nulls().filter(~filled.drop_nulls().is_in(list(_FLAG)))
    if len(strange):
        raise OutcomeError(
            f"{OUTCOME} of {file.name} must be 0, 1 or nothing, got {len(strange)} rows of something else."
        )
    return filled.replace_strict(_FLAG, return_dtype=pl.Int8).alias(OUTCOME)
