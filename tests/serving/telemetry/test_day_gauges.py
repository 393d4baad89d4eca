"""The day in service as Prometheus sees it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl

from serving.telemetry.day_gauges import DayGauges
from serving.telemetry.metrics import DAY_AGE, DAY_BANDS, DAY_ROWS
from tests.support.days import DAY, made, released, write_customers


def test_a_day_is_counted_as_it_is_written(home: Path, tmp_path: Path) -> None:
    """Every customer once by status, whoever is scored once by band; a later day takes its place."""
    own = shutil.copytree(home, tmp_path / "home")
    gauges = DayGauges(own)
    gauges.look()
    assert gauges.now() == {}
    live, source = released(own, "churn", "propensity"), write_customers(tmp_path / "today.parquet")
    day = made(own, live, source)
    rows = pl.concat(pl.read_parquet(part) for part in day.parts)

    gauges.look()
    now = gauges.now(DAY + timedelta(hours=30))

    assert now[DAY_AGE, ()] == 108_000
    for name in ("churn", "propensity"):
        for column, family in (("status", DAY_ROWS), ("band", DAY_BANDS)):
            counted = rows[f"{name}_{column}"].drop_nulls().value_counts().rows()
            assert {labels[1]: value for (kept, labels), value in now.items() if kept is family and labels[0] == name}
            assert all(now[family, (name, str(text))] == count for text, count in counted)
    made(own, live, source, DAY + timedelta(days=1))
    gauges.look()
    assert gauges.now(DAY + timedelta(hours=30))[DAY_AGE, ()] == 21_600
