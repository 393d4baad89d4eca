"""The same features by DuckDB SQL written by hand: `python -m benchmarks.tables.by_sql EVENTS OUT MEMORY`."""

# ruff: noqa: S608  every name in the SQL is ours
from __future__ import annotations

import sys
import tempfile

import duckdb

from benchmarks.tables.world import CUTOFF, KINDS, WINDOWS

PLURAL = {"purchase": "purchases", "send": "sends", "open": "opens", "click": "clicks"}
DAY = "86400000000.0"  # microseconds
RATES = (("open_rate", "open", "send"), ("click_rate", "click", "send"), ("clicks_per_open", "click", "open"))


def sql(events: str) -> str:
    """The query: one row a customer, the columns of our table in their order."""
    columns = [
        f"max(age) / {DAY} AS tenure_days",
        "count(*) FILTER (any_new_day AND age <= 365 * 86400000000) AS active_days_365d",
        f"365 / (365 + min(age) / {DAY}) AS freshness",
        *(column for kind in KINDS for column in of_kind(kind)),
        *(f"coalesce(sum(amount) FILTER ({within(days)}), 0)::DOUBLE AS monetary_{days}d" for days in WINDOWS),
        "coalesce(sum(amount), 0)::DOUBLE AS monetary_total",
        "sum(amount) FILTER (type = 'purchase')::DOUBLE / nullif(count(amount) FILTER (type = 'purchase'), 0)"
        " AS average_basket",
    ]
    rates = [
        f"{PLURAL[part]}_{days}d / nullif({PLURAL[whole]}_{days}d, 0) AS {name}_{days}d"
        for name, part, whole in RATES
        for days in WINDOWS
    ]
    return f"""
        WITH aged AS (
            SELECT customer_id, type, amount::DECIMAL(18, 4) AS amount, ts::DATE AS day,
                   epoch_us(TIMESTAMP '{CUTOFF:%Y-%m-%d}') - epoch_us(ts) AS age
            FROM read_parquet('{events}') WHERE ts < TIMESTAMP '{CUTOFF:%Y-%m-%d}'
        ), stepped AS (
            SELECT *, (age - lag(age) OVER alike) // 1000000 AS gap,
                   coalesce(day != lag(day) OVER alike, true) AS new_day,
                   coalesce(day != lag(day) OVER anyone, true) AS any_new_day
            FROM aged
            WINDOW alike AS (PARTITION BY customer_id, type ORDER BY age),
                   anyone AS (PARTITION BY customer_id ORDER BY age)
        ), made AS (SELECT customer_id, {", ".join(columns)},
                           count(amount) FILTER (type = 'purchase') AS paid,
                           count(*) FILTER (type = 'purchase') AS due
                    FROM stepped GROUP BY customer_id)
        SELECT customer_id::VARCHAR AS customer_id, * EXCLUDE (customer_id, paid, due), {", ".join(rates)},
               coalesce(paid / nullif(due, 0), 1.0) AS completeness, true AS eligible
        FROM made ORDER BY 1
    """


def within(days: int) -> str:
    """In the last days."""
    return f"age <= {days} * 86400000000"


def of_kind(kind: str) -> list[str]:
    """What is counted of one type of event."""
    mine, many = f"type = '{kind}'", PLURAL[kind]
    n = f"count(*) FILTER ({mine})"
    spread = f"stddev_samp(gap) FILTER ({mine}) / 86400"
    mean = f"(max(age) FILTER ({mine}) - min(age) FILTER ({mine})) / nullif({n} - 1, 0) / {DAY}"
    return [
        f"min(age) FILTER ({mine}) / {DAY} AS days_since_{kind}",
        *(f"count(*) FILTER ({mine} AND {within(days)}) AS {many}_{days}d" for days in WINDOWS),
        f"{n} AS {many}_total",
        *(f"count(*) FILTER ({mine} AND new_day AND {within(days)}) AS {kind}_days_{days}d" for days in WINDOWS),
        f"{mean} AS {kind}_gap_mean_days",
        f"{spread} AS {kind}_gap_sd_days",
        f"min(age) FILTER ({mine}) / {DAY} / nullif({mean}, 0) AS {kind}_recency_over_gap",
        f"count(*) FILTER ({mine} AND {within(30)}) / nullif(count(*) FILTER ({mine} AND {within(365)}), 0)"
        f" AS {many}_30d_share",
    ]


def main(events: str, out: str, memory: str) -> None:
    """Makes the table and writes it as Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(config={"temp_directory": folder, "preserve_insertion_order": False})
        if memory != "default":
            connection.execute(f"SET memory_limit = '{memory}'")
        connection.execute(f"COPY ({sql(events)}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")


if __name__ == "__main__":
    main(*sys.argv[1:])
