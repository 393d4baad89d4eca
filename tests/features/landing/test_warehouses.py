"""Warehouses by recorded batches: what they are asked, and what becomes of what they answer."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from features.config.use_case import Events, TypeColumn
from features.landing.readers.warehouses import WarehouseRows, unload_sql

BATCHES = [pa.record_batch({"id": [first, first + 1], "at": ["2026-01-01", "2026-01-02"]}) for first in (1, 3)]


def events(path: str, **more: object) -> Events:
    """A log in a warehouse."""
    stated = {"path": path, "customer_id": "id", "timestamp": "at", "type": TypeColumn(column="kind"), **more}
    return Events.model_validate(stated)


def reader(section: Events, asked: list[str]) -> WarehouseRows:
    """One whose client answers recorded batches."""

    def answer(sql: str) -> Iterator[pa.RecordBatch]:
        asked.append(sql)
        return iter(BATCHES)

    assert section.origin is not None
    return WarehouseRows(section, section.origin, answer)


@pytest.mark.parametrize(
    ("path", "more", "sql"),
    [
        ("snowflake://acc/SHOP/PUBLIC?warehouse=W", {"table": "ORDERS"}, "SELECT * FROM ORDERS WHERE at >= "),
        ("bigquery://project/crm", {"table": "orders"}, "SELECT * FROM `project.crm.orders` WHERE at >= "),
        (
            "redshift://host:5439/dev",
            {"query": "SELECT * FROM sales;", "ingest": {"cursor": "at", "unload": "s3://lake/out"}},
            "SELECT * FROM (SELECT * FROM sales) AS penchant WHERE at >= ",
        ),
    ],
    ids=["snowflake", "bigquery", "redshift"],
)
def test_a_warehouse_is_asked_in_its_own_words(path: str, more: dict[str, object], sql: str) -> None:
    """All of a table or query, or what is new from a lag on; the batches come as they were recorded."""
    asked: list[str] = []
    source = reader(events(path, **{"ingest": {"cursor": "at"}, **more}), asked)

    with source.read(None) as whole:
        rows = pa.Table.from_batches(whole.batches, whole.schema)
    with source.read("2026-01-02") as new:
        since = new.since

    assert rows.column("id").to_pylist() == [1, 2, 3, 4]
    assert since == "2026-01-01"
    assert asked == [sql.partition(" WHERE")[0], f"{sql}'2026-01-01'"]


def test_an_unload_quotes_the_query() -> None:
    """A quote inside it is doubled."""
    assert "UNLOAD ('SELECT ''x''')" in unload_sql("SELECT 'x'", "s3://lake/")
