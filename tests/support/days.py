"""Days of a population for tests: three hundred customers of a shop, one use case not about all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl

from scoring.answers.served_release import Live
from scoring.audiences.snapshot import SnapshotInputs, open_snapshot
from scoring.batch.table_answers import covered_column
from scoring.population.days import Day, day_folder, digests, latest_day, open_day
from scoring.population.write_day import DayInputs, seal_day, write_day
from scoring.privacy import suppression
from scoring.releases.store import load_release
from scoring.segments.assignment import DEFAULT
from scoring.segments.policy import Policy
from tests.support.models import shop_rows

DAY = datetime(2026, 3, 1, tzinfo=UTC)
ABSENT = {f"c{row}" for row in range(0, 300, 7)}  # whom `churn` is not about


def write_customers(file: Path, *, absent_from: str = "churn", count: int = 300) -> Path:
    """A file of customers `c0` to `c299`; one use case is not about some of them."""
    rows = [{"customer_id": f"c{row}", **each} for row, each in enumerate(shop_rows(count, seed=4))]
    covered = (~pl.col("customer_id").is_in(sorted(ABSENT))).alias(covered_column(absent_from))
    pl.DataFrame(rows).with_columns(covered).write_parquet(file)
    return file


def released(home: Path, *names: str) -> dict[str, Live]:
    """The releases of a home."""
    return {name: Live(load_release(home, name)) for name in names}


def made(
    home: Path,
    live: Mapping[str, Live],
    source: Path,
    as_of: datetime = DAY,
    run_id: str = "run",
    policy: Policy = DEFAULT,
) -> Day:
    """A day written and opened."""
    before = latest_day(home)
    previous = open_snapshot(before.folder) if before else None
    listed = suppression.open_suppression(home)
    inputs = SnapshotInputs(live, policy, source, as_of.date(), previous, listed)
    write_day(home, DayInputs(run_id, as_of, inputs), check=_passes)
    return open_day(day_folder(home, as_of))


def sealed_anew(day: Day) -> None:
    """Makes what stands in a day's folder the day, whatever a test wrote there."""
    seal_day(day.folder, msgspec.structs.replace(day.manifest, files=digests(day.folder)))
    day.folder.parent.touch()  # else its manifest may be one that was read before


def _passes(_parts: Sequence[Path]) -> None:
    """A check that everything passes."""
