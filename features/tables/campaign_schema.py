"""The pandera schema of what a campaign's outcomes are, checked before they count."""

from __future__ import annotations

from pathlib import Path

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from features.errors import DataError
from features.spec.feature import CUSTOMER_ID

MOST = 1e12  # of a value, as any amount of a log

_COLUMNS = {
    CUSTOMER_ID: pa.Column(pl.String(), nullable=False, unique=True),
    "contacted": pa.Column(pl.Boolean(), nullable=True),
    "answered": pa.Column(pl.Boolean(), nullable=False),
    "value": pa.Column(pl.Float64(), pa.Check.in_range(-MOST, MOST), nullable=True),
    "unsubscribed": pa.Column(pl.Boolean(), nullable=True),
}
CAMPAIGN_OUTCOMES = pa.DataFrameSchema(_COLUMNS, strict=True, coerce=False)
_RULES = {"field_uniqueness": "must name each customer once", "not_nullable": "must be filled in every row"}


def check_campaign_outcomes(file: Path, rows: pl.DataFrame) -> None:
    """Checks the outcomes of a file: one row a customer, who answered or did not.

    Raises:
        DataError: each column and rule that is broken, never a value.
    """
    broken: list[str] = []
    for name, column in _COLUMNS.items():  # by itself: failures of several types cannot be put in one frame
        try:
            pa.DataFrameSchema({name: column}).validate(rows.select(name), lazy=True)
        except SchemaErrors as failure:
            checks = failure.failure_cases["check"].unique().sort()
            broken += [f"column {name!r} {_RULES.get(check, f'must satisfy {check}')}" for check in checks]
    if broken:
        raise DataError(file, broken)
