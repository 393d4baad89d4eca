"""Landing beside a library reading the same alone: 330,740 rows of PostgreSQL, 10 million events of S3.

Processor time of this process, without the servers', and its peak memory; each in a process of its own.
"""

# ruff: noqa: S608  the SQL is of our own table
from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.config.use_case import load_use_case
from features.landing.ingest import ingest
from tests.support.object_store import BUCKET, file_system, object_store
from tests.support.postgres import cluster

ROWS, EVENTS, FILES = 330_740, 10_000_000, 10
USE_CASE = """
name = "shop"
polarity = "positive"
[events]
path = "{path}"
{table}
customer_id = "customer"
timestamp = "at"
type = "purchase"
amount = "amount"
[window]
prediction = "90d"
[label]
event = "purchase"
outcome = "present"
"""
TABLE = (
    "CREATE TABLE orders AS SELECT g AS id, g % 20000 AS customer, "
    "'2024-01-01'::timestamptz + g * interval '1 minute' AS at, (g % 10000 / 100.0)::numeric(12,2) AS amount, "
    f"'type ' || g % 5 AS kind, 'shop ' || g % 100 AS shop FROM generate_series(1, {ROWS}) g"
)


def events(number: int, count: int) -> pa.Table:
    """A file's events."""
    rng = np.random.default_rng(41 + number)
    start = np.datetime64("2024-01-01T00:00:00", "us")
    return pa.table(
        {
            "customer": rng.integers(0, 1_000_000, count),
            "at": start + (rng.integers(0, 63_000_000, count) * 1_000_000).astype("timedelta64[us]"),
            "amount": rng.gamma(2.0, 20.0, count).round(2),
            "kind": pa.array(rng.choice(["purchase", "visit", "mail"], count)),
        }
    )


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds and peak megabytes of some work in a process of its own, its libraries loaded and warm."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        work()
        before = resource.getrusage(resource.RUSAGE_SELF)
        work()
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        os.write(write, f"{spent} {after.ru_maxrss / 1024}".encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    spent, peak = map(float, os.read(read, 100).split())
    os.close(read)
    return spent, peak


def landed(folder: Path, path: str, table: str = "") -> Callable[[], object]:
    """A use case's source landed, by us."""
    file = folder / "shop.toml"
    file.write_text(USE_CASE.format(path=path, table=table))

    def work() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as home:
            ingest(load_use_case(file, Path(home)), Path(home), datetime.now(UTC))

    return work


def by_adbc(address: str, folder: Path) -> None:
    """A table to a Parquet file by ADBC and pyarrow alone."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM orders")
        reader = cursor.fetch_record_batch()
        plain = pa.schema([(field.name, getattr(field.type, "storage_type", field.type)) for field in reader.schema])
        with pq.ParquetWriter(folder / "alone.parquet", plain) as writer:
            for batch in reader:
                columns = [one.storage if isinstance(one, pa.ExtensionArray) else one for one in batch.columns]
                writer.write_table(pa.Table.from_batches([pa.record_batch(columns, schema=plain)]))


def by_pyarrow(port: int) -> None:
    """All columns of all files read by pyarrow alone, batch by batch, nothing written."""
    files = file_system(port)
    for number in range(FILES):
        with files.open_input_file(f"{BUCKET}/log/{number}.parquet") as stream:
            for _ in pq.ParquetFile(stream).iter_batches():
                pass


def line(name: str, ours: tuple[float, float], alone: tuple[float, float]) -> str:
    """Both, side by side."""
    return (
        f"{name}: ours {ours[0]:.2f} s, {ours[1]:.0f} MB; alone {alone[0]:.2f} s, {alone[1]:.0f} MB; "
        f"{ours[0] / alone[0]:.2f} times the processor time"
    )


def main() -> None:
    """Prints both comparisons."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with cluster() as postgres:
            postgres.run(TABLE)
            ours = min(cost(landed(folder, postgres.address, 'table = "orders"')) for _ in range(3))
            alone = min(cost(lambda: by_adbc(postgres.address, folder)) for _ in range(3))
            sys.stdout.write(line(f"{ROWS:,} rows of PostgreSQL", ours, alone) + "\n")
        (folder / "s3").mkdir()
        with object_store(folder / "s3") as variables:
            os.environ |= variables
            port = int(variables["AWS_ENDPOINT_URL"].rpartition(":")[2])
            for number in range(FILES):
                pq.write_table(
                    events(number, EVENTS // FILES), f"{BUCKET}/log/{number}.parquet", filesystem=file_system(port)
                )
            alone, ours = cost(lambda: by_pyarrow(port)), cost(landed(folder, f"s3://{BUCKET}/log"))
            sys.stdout.write(line(f"{EVENTS:,} events of S3", ours, alone) + "\n")


if __name__ == "__main__":
    main()
