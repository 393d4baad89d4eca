"""The pandera schema of HOME/outcomes/NAME/DAY.parquet: who was scored on a day, and what came of it."""

from __future__ import annotations

from pathlib import Path

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from features.errors import DataError
from features.spec.feature import CUSTOMER_ID

OUTCOME, FIRST_OUTCOME = "outcome", "first_outcome"
ORDERS, VALUE = "orders", "value"  # what a log says was bought in the window; of a file of outcomes nobody knows


def outcome_schema() -> pa.DataFrameSchema:
    """A row a customer and version; an outcome is 1, 0, or null while nobody knows it, and never 0 before."""
    label = pa.Column(pl.Int8(), pa.Check.isin((0, 1)), nullable=True)
    columns = {
        CUSTOMER_ID: pa.Column(pl.String(), nullable=False),
        "version": pa.Column(pl.String(), nullable=False),
        "probability": pa.Column(pl.Float64(), pa.Check.in_range(0, 1), nullable=False),
        "band": pa.Column(pl.String(), nullable=False),
        "segment": pa.Column(pl.String(), nullable=True),
        "^rfm_.*$": pa.Column(pl.Float64(), nullable=True, regex=True, required=False),
        ORDERS: pa.Column(pl.Int64(), pa.Check.ge(0), nullable=True, required=False),
        VALUE: pa.Column(pl.Float64(), nullable=True, required=False),  # below 0 where more was refunded than bought
        OUTCOME: label,
        FIRST_OUTCOME: label,  # as it was when it was known first
    }
    return pa.DataFrameSchema(columns, strict=True, unique=[CUSTOMER_ID, "version"])


def check_outcomes(rows: pl.DataFrame, file: Path) -> None:
    """Checks the rows that a file is to hold.

    Raises:
        DataError: each column and rule that is broken, never a value.
    """
    try:
        outcome_schema().validate(rows, lazy=True)
    except SchemaErrors as failure:
        cases = failure.failure_cases.select("column", "check").unique().sort("column", "check")
        broken = [f"column {column!r} must satisfy {check}" for column, check in cases.iter_rows()]
        raise DataError(file, broken) from failure
