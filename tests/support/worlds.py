"""Small worlds on disk: a log or a table, and the use case that reads it."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features.config.use_case import LogUseCase, TableUseCase, load_use_case

EXAMPLES = Path(__file__).parents[2] / "examples"
START = datetime(2024, 1, 1)
DATA = Path(os.environ.get("PENCHANT_DATA", Path(__file__).parents[3] / "shared/data"))


def shared(name: str) -> Path:
    """A data file that is not in the repository; skipped where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not in PENCHANT_DATA")
    return path


def toml(value: Any) -> str:
    """A TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def write_use_case(folder: Path, sections: dict[str, Any], *, name: str = "case") -> Path:
    """A use-case file from nested dictionaries."""
    top = {"name": name, "polarity": "positive", "seed": 7}
    lines = [f"{key} = {toml(value)}" for key, value in top.items()]
    for section, keys in sections.items():
        lines += [f"[{section}]", *(f"{json.dumps(key)} = {toml(value)}" for key, value in keys.items())]
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def load_log(file: Path) -> LogUseCase:
    """The use case in a file, which is on a log."""
    use_case = load_use_case(file)
    assert isinstance(use_case, LogUseCase)
    return use_case


def log_case(folder: Path, log: pl.DataFrame, /, **sections: dict[str, Any]) -> LogUseCase:
    """A use case on a log of purchases: customer_id, ts, amount, and what `sections` add."""
    log.write_parquet(folder / "events.parquet")
    base: dict[str, dict[str, Any]] = {
        "events": {"path": "events.parquet", "customer_id": "customer_id", "timestamp": "ts", "type": "purchase"},
        "window": {"observation": "100d", "prediction": "30d", "train_cutoffs": 2},
        "label": {"event": "purchase", "outcome": "present"},
    }
    if "amount" in log.columns:
        base["events"]["amount"] = "amount"
    for name, keys in sections.items():
        base[name] = {key: value for key, value in {**base.get(name, {}), **keys}.items() if value is not None}
    return load_log(write_use_case(folder, base))


def table_case(folder: Path, table: pl.DataFrame, /, **keys: Any) -> TableUseCase:
    """A use case on a ready table with the label `y`, positive where it is "yes"."""
    table.write_parquet(folder / "table.parquet")
    section = {"path": "table.parquet", "label": "y", "positive": "yes", **keys}
    use_case = load_use_case(write_use_case(folder, {"table": section}))
    assert isinstance(use_case, TableUseCase)
    return use_case


def purchases(customers: int = 120, days: int = 300, *, seed: int = 7, rate: float = 0.03) -> pl.DataFrame:
    """A log of purchases whose customers buy at rates of their own; the last day has a purchase."""
    random = np.random.default_rng(seed)
    rates = random.gamma(1.0, rate, customers)
    rows = []
    for customer, own in enumerate(rates):
        for day in np.flatnonzero(random.random(days) < own):
            second = int(random.integers(0, 86_400))
            rows.append(
                (f"c{customer}", START + timedelta(days=int(day), seconds=second), round(random.gamma(2, 20), 2))
            )
    rows.append(("c0", START + timedelta(days=days - 1, seconds=1), 10.0))
    return pl.DataFrame(
        rows, schema={"customer_id": pl.String, "ts": pl.Datetime("us"), "amount": pl.Float64}, orient="row"
    )


def utc(day: int) -> datetime:
    """A day of these worlds as a moment."""
    return (START + timedelta(days=day)).replace(tzinfo=UTC)


def rewritten(events: pl.DataFrame, cutoff: datetime, *, seed: int = 1) -> pl.DataFrame:
    """The log with every event at or after the cutoff rewritten: other amounts, other people, some gone, some new."""
    random = np.random.default_rng(seed)
    moment = cutoff.replace(tzinfo=None)
    before, after = events.filter(pl.col("ts") < moment), events.filter(pl.col("ts") >= moment)
    moved = after.with_columns(
        ts=pl.lit(moment, pl.Datetime("us")) + seconds_after(random, len(after), 90 * 86_400),
        amount=pl.Series(random.normal(0, 1e6, len(after)).round(2), dtype=pl.Float64),
        customer_id=pl.Series([f"new{i}" if i % 3 else f"c{i % 50}" for i in range(len(after))], dtype=pl.String),
    )
    kept = moved.sample(fraction=0.8, seed=seed) if len(moved) else moved
    edge = pl.DataFrame({"customer_id": ["c0"], "ts": [moment], "amount": [1e9]}, schema=events.schema)
    return pl.concat([kept, edge, before]).sample(fraction=1.0, shuffle=True, seed=seed)


def seconds_after(random: np.random.Generator, n: int, most: int) -> pl.Series:
    """Durations of whole seconds below `most`."""
    return (pl.Series(random.integers(0, most, n)) * 1_000_000).cast(pl.Duration("us"))


def as_bytes(table: pl.DataFrame) -> bytes:
    """A table's bytes, to hold two against each other."""
    sink = io.BytesIO()
    table.write_parquet(sink, compression="uncompressed")
    return sink.getvalue()
