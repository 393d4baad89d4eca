"""Customers in the online store, and the traces they leave in a home."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from serving.cli import load
from tests.support.models import shop_rows

ROWS = shop_rows(300, seed=11)


def table(rows: Sequence[Mapping[str, Any]], ids: Sequence[Any]) -> pl.DataFrame:
    """Posted features as a table that training's side would write."""
    frame = pl.DataFrame(rows, infer_schema_length=None)
    joined = pl.col("joined on").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC")
    return frame.with_columns(joined).insert_column(0, pl.Series("customer_id", ids)).with_columns(eligible=True)


def loaded(home: Path, scratch: Path, frame: pl.DataFrame, *options: str) -> int:
    """Runs `python -m serving load` in this process."""
    file = scratch / "features.parquet"
    frame.write_parquet(file)
    return load.main([str(file), "--home", str(home), *options])


def traces(home: Path, *tokens: str) -> set[str]:
    """The files under a home that hold any token, as text or as JSON escapes it."""
    spelled = [form for token in tokens for form in (token.encode(), json.dumps(token)[1:-1].encode())]
    files = [path for path in home.rglob("*") if path.is_file()]
    return {path.name for path in files if any(form in path.read_bytes() for form in spelled)}
