"""Raw events and a feature table give the same numbers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from features.build.log_table import LearningTable, learning_table, scoring_table
from features.config.use_case import LogUseCase
from features.point_in_time.compiled_sql import raw_events
from features.point_in_time.labels import naive
from features.spec.raw_events import RawEvents
from tests.features.point_in_time.test_aggregates import RICH, rich
from tests.support.worlds import EXAMPLES, START, load_log, log_case, purchases, shared, utc, write_use_case


def answered(raw: RawEvents, tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """What the SQL of a bundle answers in a DuckDB without access to anything."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, rows in tables.items():
            columns = raw["events"] if name == "events" else raw["traits"]
            listed = ", ".join(f"{column['column']} {column['type']}" for column in columns)
            connection.execute(f"CREATE TABLE {name} ({listed})")
            given = rows.select(pl.col(column["key"]).alias(column["column"]) for column in columns)
            connection.register("given", given.to_arrow())
            connection.table("given").insert_into(name)
        connection.execute("SET enable_external_access = false")
        return connection.execute(raw["sql"]).pl()


def posted(events: pl.DataFrame, cutoff: datetime, **more: Any) -> pl.DataFrame:
    """Events as a client posts them: under the keys of the contract, with the moment of scoring."""
    named = {"type": pl.lit("purchase"), "refund": pl.lit(None, pl.Boolean), "as_of": pl.lit(naive(cutoff)), **more}
    return events.with_columns(**named)


def layout_of(use_case: LogUseCase) -> tuple[LearningTable, RawEvents]:
    """A learning table and the raw-event contract made of it."""
    table = learning_table(use_case)
    assert table.feature_plan is not None
    return table, raw_events(use_case, table.feature_plan)


@pytest.mark.parametrize("at", [200, 150, 290])
def test_raw_events_give_the_features_of_the_table(tmp_path: Path, at: int) -> None:
    """The same numbers to the last bit, events after the moment of scoring unseen."""
    events = purchases()
    use_case = log_case(tmp_path, events, window={"test_cutoff": "2024-05-20"})
    _, raw = layout_of(use_case)

    found = answered(raw, {"events": posted(events, utc(at))})

    assert found.equals(scoring_table(use_case, utc(at)).drop("eligible"))


def test_raw_events_of_a_rich_log_give_the_features_of_the_table(tmp_path: Path) -> None:
    """Types as the source spells them, levels, measures, refunds and traits."""
    events = rich()
    people = [f"c{i}" for i in range(150)]
    traits = pl.DataFrame(
        {
            "who": people,
            "size": [i % 9 for i in range(150)],
            "town": [("Paris", "Lyon")[i % 2] for i in range(150)],
            "joined": [START] * 150,
            "tags": [["A b", "c"][: i % 3] for i in range(150)],
            "words": [(" ", "A b", "c; A b;;", "c", "d;c;A b")[i % 5] for i in range(150)],
        }
    )
    traits.write_parquet(tmp_path / "profiles.parquet")
    use_case = log_case(tmp_path, events, **RICH, profiles={"path": "profiles.parquet", "customer_id": "who"})
    _, raw = layout_of(use_case)

    found = answered(
        raw,
        {
            "events": posted(events, utc(200), type=pl.col("kind"), refund=pl.col("cancelled")),
            "traits": traits.with_columns(customer_id="who"),
        },
    )

    assert found.equals(scoring_table(use_case, utc(200)).drop("eligible"))


def test_raw_events_of_cdnow_give_the_features_of_the_table() -> None:
    """The same for every customer of the example."""
    use_case = load_log(EXAMPLES / "cdnow/propensity.toml")
    table, raw = layout_of(use_case)
    assert table.cutoffs is not None
    log = pl.read_parquet(use_case.events.path).with_columns(pl.col("customer_id").cast(pl.String), ts="date")

    found = answered(raw, {"events": posted(log, table.cutoffs.test)})

    assert found.equals(scoring_table(use_case, table.cutoffs.test).drop("eligible"))


def test_raw_invoices_give_the_features_of_the_table(tmp_path: Path) -> None:
    """The same on invoices with cancellations."""
    path = shared("online_retail_ii_invoices.parquet")
    section = {
        "path": str(path),
        "customer_id": "customer_id",
        "timestamp": "ts",
        "amount": "amount",
        "type": "purchase",
    }
    sections = {
        "events": {**section, "id": "invoice", "refund": {"column": "is_cancel", "equals": True}},
        "window": {"prediction": "90d", "test_cutoff": "2011-09-10"},
        "label": {"event": "purchase", "outcome": "present"},
    }
    use_case = load_log(write_use_case(tmp_path, sections))
    table, raw = layout_of(use_case)
    assert table.cutoffs is not None
    log = pl.read_parquet(path).with_columns(pl.col("customer_id").cast(pl.String))

    found = answered(raw, {"events": posted(log, table.cutoffs.test, refund=pl.col("is_cancel"))})

    assert found.equals(scoring_table(use_case, table.cutoffs.test).drop("eligible"))


def test_lines_of_orders_give_the_features_of_the_table(tmp_path: Path) -> None:
    """Two rows an order are one purchase over HTTP as in training; a line after the moment of scoring is unseen."""
    log = purchases().with_columns(order=pl.int_range(pl.len()).cast(pl.String))
    late = log.with_columns(ts=pl.col("ts") + pl.duration(hours=20))
    lines = pl.concat([log, late]).sort("customer_id", "ts")
    use_case = log_case(tmp_path, lines, events={"order": "order"}, window={"test_cutoff": "2024-05-20"})
    _, raw = layout_of(use_case)
    assert next(column["names"] for column in raw["events"] if column["key"] == "order") == ["order"]

    found = answered(raw, {"events": posted(lines, utc(200))})

    assert found.equals(scoring_table(use_case, utc(200)).drop("eligible"))


def test_no_events_are_no_rows(tmp_path: Path) -> None:
    """An empty table, and a customer whose events all lie ahead, give no row and no error."""
    events = purchases()
    _, raw = layout_of(log_case(tmp_path, events))

    assert answered(raw, {"events": posted(events.clear(), utc(200))}).is_empty()
    assert answered(raw, {"events": posted(events, utc(0))}).is_empty()


def test_every_customer_has_a_moment_of_its_own(tmp_path: Path) -> None:
    """Several customers, each with its own as_of, are answered in one call as they are one by one."""
    events = purchases()
    use_case = log_case(tmp_path, events, window={"test_cutoff": "2024-05-20"})
    _, raw = layout_of(use_case)
    mine, yours = (events.filter(pl.col("customer_id") == name) for name in ("c0", "c1"))

    both = answered(raw, {"events": pl.concat([posted(mine, utc(200)), posted(yours, utc(250))])})

    assert both[0].equals(answered(raw, {"events": posted(mine, utc(200))}))
    assert both[1].equals(answered(raw, {"events": posted(yours, utc(250))}))
