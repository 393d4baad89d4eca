"""The pandera schema of a feature table: types, logical bounds, what may be null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from features.errors import DataError
from features.spec.feature import Feature, FeatureType

STORAGE: dict[FeatureType, pl.DataType] = {
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "category": pl.String(),
    "date": pl.Datetime("us", "UTC"),
}


def table_schema(features: Sequence[Feature]) -> pa.DataFrameSchema:
    """The schema that every row of a feature table meets; other columns are allowed. All features may be null."""
    columns = {
        each.name: pa.Column(STORAGE[each.type], nullable=True, checks=_checks(each), required=True)
        for each in features
    }
    return pa.DataFrameSchema(columns, strict=False, coerce=False)


def check_table(table: pl.DataFrame, features: Sequence[Feature], file: Any) -> None:
    """Checks a table against its schema.

    Raises:
        DataError: each column and rule that is broken, never a value.
    """
    try:
        table_schema(features).validate(table, lazy=True)
    except SchemaErrors as failure:
        lacking = [f"column {each.name!r} must be there" for each in features if each.name not in table.columns]
        cases = failure.failure_cases.select("column", "check").drop_nulls().unique().sort("column", "check")
        broken = [f"column {column!r} must satisfy {check}" for column, check in cases.iter_rows()]
        raise DataError(file, lacking + broken) from failure


def _checks(feature: Feature) -> list[pa.Check]:
    checks = []
    if feature.type == "number":
        checks.append(pa.Check(_finite, name="finite", error="finite"))
    if feature.lower is not None:
        checks.append(pa.Check.ge(feature.lower, error=f">= {feature.lower:g}"))
    if feature.upper is not None:
        checks.append(pa.Check.le(feature.upper, error=f"<= {feature.upper:g}"))
    return checks


def _finite(data: Any) -> pl.LazyFrame:
    """No NaN, no infinity."""
    finite: pl.LazyFrame = data.lazyframe.select(pl.col(data.key).is_finite())
    return finite
