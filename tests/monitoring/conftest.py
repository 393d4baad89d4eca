"""Real customers in a home: a tenth of CDNOW, a small model of who buys within 30 days, and what it learned from."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from scoring.population.daily_file import add_use_case
from tests.conftest import made_once
from tests.support.models import release_log
from tests.support.worlds import EXAMPLES, load_log, write_use_case

NAME = "buys"
SECTIONS = {
    "events": {"path": "events.parquet", "customer_id": "customer_id", "timestamp": "date", "amount": "amount",
               "type": "purchase", "currency": "USD"},
    "window": {"observation": "180d", "prediction": "30d", "test_cutoff": "1997-09-01", "train_cutoffs": 3},
    "label": {"event": "purchase", "outcome": "present"},
}  # fmt: skip


@pytest.fixture(scope="session")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log, `buys.toml` and a home; only to be read."""
    return made_once(tmp_path_factory, "cdnow-tenth", _make)


def _make(folder: Path) -> None:
    log = pl.read_parquet(EXAMPLES / "cdnow/transactions.parquet")
    log.filter(pl.col("customer_id").cast(pl.Int64) % 10 == 0).write_parquet(folder / "events.parquet")
    file = write_use_case(folder, SECTIONS, name=NAME)
    release_log(folder / "home", load_log(file))
    add_use_case(folder / "home", file, daily=True)
