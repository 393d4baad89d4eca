"""A log to make features of: sends, opens, clicks and purchases, seeded, as Parquet, and its use case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KINDS = ("purchase", "send", "open", "click")
SHARES = (0.10, 0.50, 0.28, 0.12)
WINDOWS = (7, 30, 90, 180, 365)
START, DAYS = datetime(2023, 1, 1), 1_000
CUTOFF = datetime(2025, 6, 1, tzinfo=UTC)
EVENTS_EACH = 50  # events of a customer on average
PART = 1_000_000  # rows written at a time

USE_CASE = f"""
name = "shop"
polarity = "positive"
[events]
path = "events.parquet"
customer_id = "customer_id"
timestamp = "ts"
amount = "amount"
type = {{ column = "type" }}
[window]
observation = "365d"
prediction = "30d"
test_cutoff = "{CUTOFF:%Y-%m-%d}"
[label]
event = "purchase"
outcome = "present"
"""


@dataclass(frozen=True)
class Log:
    """Where it stands."""

    folder: Path

    @property
    def events(self) -> Path:
        """customer_id (integer), ts (to the second), type, amount (of purchases)."""
        return self.folder / "events.parquet"

    @property
    def use_case(self) -> Path:
        """The use case on it."""
        return self.folder / "shop.toml"


def write(log: Log, events: int, *, seed: int = 0, each: int = EVENTS_EACH) -> None:
    """Draws the events in no order, so many a customer on average, and writes them and the use case."""
    rng, customers = np.random.default_rng(seed), max(1, events // each)
    log.folder.mkdir(parents=True, exist_ok=True)
    log.use_case.write_text(USE_CASE)
    rates = rng.gamma(1.5, 1.0, customers)
    shares = np.cumsum(rates / rates.sum())
    writer: pq.ParquetWriter | None = None
    for start in range(0, events, PART):
        part = _drawn(rng, shares, min(PART, events - start))
        writer = writer or pq.ParquetWriter(log.events, part.schema, compression="zstd")
        writer.write_table(part)
    if writer is not None:
        writer.close()


def _drawn(rng: np.random.Generator, shares: np.ndarray, rows: int) -> pa.Table:
    who = np.searchsorted(shares, rng.random(rows)).clip(max=len(shares) - 1)
    seconds = rng.integers(0, DAYS * 86_400, rows)
    kind = rng.choice(len(KINDS), rows, p=SHARES)
    amount = np.where(kind == 0, rng.lognormal(3.5, 0.8, rows).round(2), np.nan)
    first = int((START - datetime(1970, 1, 1)) / timedelta(seconds=1))
    return pa.table(
        {
            "customer_id": pa.array(who.astype(np.int64)),
            "ts": pa.array((first + seconds) * 1_000_000, pa.timestamp("us")),
            "type": pa.DictionaryArray.from_arrays(pa.array(kind.astype(np.int8)), pa.array(KINDS)).cast(pa.string()),
            "amount": pa.array(amount, from_pandas=True),
        }
    )
