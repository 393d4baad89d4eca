"""The pandera schema of a day of the population, checked before it serves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from features.errors import DataError
from features.spec.feature import CUSTOMER_ID

TOGETHER = 8  # parts that are checked at once
STATUSES = ("scored", "not_eligible", "insufficient_data", "invalid", "opted_out")


def population_schema(use_cases: Sequence[str]) -> pa.DataFrameSchema:
    """What every row of a day meets: one row a customer, and per use case figures within their ranges or null."""
    columns = {
        CUSTOMER_ID: pa.Column(pl.String(), nullable=False, unique=True),
        "as_of": pa.Column(pl.Datetime("us", "UTC"), nullable=False),
        "segment": pa.Column(pl.String(), nullable=True),
    }
    for name in use_cases:
        columns |= {
            f"{name}_status": pa.Column(pl.String(), pa.Check.isin(STATUSES), nullable=True),
            f"{name}_probability": pa.Column(pl.Float64(), pa.Check.in_range(0, 1), nullable=True),
            f"{name}_score": pa.Column(pl.Float64(), pa.Check.in_range(0, 100), nullable=True),
            f"{name}_percentile": pa.Column(pl.Int32(), pa.Check.in_range(0, 100), nullable=True),
            f"{name}_value": pa.Column(pl.Float64(), pa.Check.ge(0), nullable=True, required=False),
            f"{name}_band": pa.Column(pl.String(), nullable=True),
            f"{name}_version": pa.Column(pl.String(), nullable=True),
        }
    return pa.DataFrameSchema(columns, strict=False, coerce=False)


def check_population(parts: Sequence[Path], use_cases: Sequence[str]) -> None:
    """Checks a day some parts at a time; a customer is in one part only.

    Raises:
        DataError: each column and rule that is broken, never a value; the file is the first of the parts.
    """
    schema = population_schema(use_cases)
    for first in range(0, len(parts), TOGETHER):
        some = parts[first : first + TOGETHER]
        columns = [name for name in pl.read_parquet_schema(some[0]) if name in schema.columns]
        try:
            schema.validate(pl.read_parquet(list(some), columns=columns), lazy=True)
        except SchemaErrors as failure:
            cases = failure.failure_cases.select("column", "check").unique().sort("column", "check")
            broken = [f"column {column!r} must satisfy {check}" for column, check in cases.iter_rows()]
            raise DataError(some[0], broken) from failure
