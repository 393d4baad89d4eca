"""Days of a population of a shop's two hundred customers, who are others from seed to seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from scoring.answers.served_release import Live
from scoring.audiences.snapshot import SnapshotInputs, open_snapshot
from scoring.batch.table_answers import covered_column
from scoring.population.days import latest_day
from scoring.population.write_day import DayInputs, write_day
from scoring.releases.current_pointer import released_use_cases
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT
from scoring.segments.policy import Policy
from tests.support.models import shop_rows

FIRST, LAST = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
CUSTOMERS = [f"c{row}" for row in range(200)]
ABSENT = "c7"  # whom the first use case is not about


def write_moved_day(
    home: Path, as_of: datetime, seed: int, policy: Policy = DEFAULT, *, versions: Mapping[str, str] | None = None
) -> Path:
    """Writes a day by the releases in service, or by those versions; returns the file of its features."""
    names = released_use_cases(home)
    live = {name: Live(load_release(home, name, version=(versions or {}).get(name))) for name in names}
    rows = [{"customer_id": f"c{row}", **each} for row, each in enumerate(shop_rows(len(CUSTOMERS), seed=seed))]
    source = home / f"rows-{seed}.parquet"
    covered = (pl.col("customer_id") != ABSENT).alias(covered_column(names[0]))
    pl.DataFrame(rows).with_columns(covered).write_parquet(source)
    before = latest_day(home)
    previous = open_snapshot(before.folder) if before else None
    inputs = SnapshotInputs(live, policy, source, as_of.date(), previous)
    write_day(home, DayInputs("run", as_of, inputs), check=_passes)
    return source


def _passes(_parts: Sequence[Path]) -> None:
    """A check that everything passes."""
