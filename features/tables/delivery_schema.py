"""The pandera schema of a delivery's ledger, checked where it leaves."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

STATES = ("acknowledged", "pending", "rejected")

DELIVERY_LEDGER = pa.DataFrameSchema(
    {
        "who": pa.Column(pl.String(), pa.Check.str_matches(r"^[0-9a-f]{64}$"), nullable=False),  # a keyed hash
        "state": pa.Column(pl.String(), pa.Check.isin(STATES), nullable=False),
        "operation": pa.Column(pl.String(), pa.Check.isin(("upsert", "remove")), nullable=False),
        "digest": pa.Column(pl.String(), nullable=True),  # of what was sent
        "reason": pa.Column(pl.String(), nullable=True),  # the destination's, where it refused
        "at": pa.Column(pl.Datetime("us", "UTC"), nullable=True),
    },
    strict=True,
    coerce=False,
    unique=["who", "state", "operation"],
)


def check_delivery_ledger(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows, once they are what a ledger holds; raises pandera's SchemaErrors, which would be a fault of ours."""
    checked: pl.DataFrame = DELIVERY_LEDGER.validate(rows, lazy=True)
    return checked
