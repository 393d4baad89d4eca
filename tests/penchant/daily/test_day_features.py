"""Features of several use cases side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.config.use_case import LogUseCase, UseCase, load_use_case
from features.errors import DataError
from penchant.daily.day_features import CustomerFiles, alike
from penchant.daily.run_file import DailyUseCase
from tests.support.worlds import load_log, write_use_case

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def entry(folder: Path, name: str, who: Sequence[str], values: Sequence[float | str]) -> tuple[DailyUseCase, UseCase]:
    """A ready table of customers without a label, with a value each."""
    labels = pl.Series("y", [None] * len(who), pl.String)
    pl.DataFrame({"who": who, "spent": values, name: values}).with_columns(labels).write_parquet(
        folder / f"{name}.parquet"
    )
    section = {"path": f"{name}.parquet", "label": "y", "positive": "yes", "customer_id": "who"}
    write_use_case(folder, {"table": section}, name=name)
    return DailyUseCase(file=folder / f"{name}.toml"), load_use_case(folder / f"{name}.toml")


def test_use_cases_stand_side_by_side_in_order_of_id(tmp_path: Path) -> None:
    """Each with whom it is about; a column of both is one."""
    entries = {
        "one": entry(tmp_path, "one", ["b", "a"], [2.0, 1.0]),
        "two": entry(tmp_path, "two", ["c", "b"], [3.0, 2.0]),
    }

    CustomerFiles(entries, tmp_path / "work").write(DAY, tmp_path)
    files = CustomerFiles(entries, tmp_path / "work")
    rows = pl.concat([pl.DataFrame(group.read()) for group in files.groups()]).to_dicts()

    assert files.count() == 3
    assert [(row["customer_id"], row["spent"]) for row in rows] == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert [(row["one.covered"], row["two.covered"]) for row in rows] == [(True, False), (True, True), (False, True)]


@pytest.mark.parametrize("values", [[3.0, 2.5], ["3", "2"]], ids=["another value", "another type"])
def test_a_column_of_two_use_cases_must_agree(tmp_path: Path, values: Sequence[float | str]) -> None:
    """On whoever stands in both; the message names the column, and no value."""
    entries = {
        "one": entry(tmp_path, "one", ["b", "a"], [2.0, 1.0]),
        "two": entry(tmp_path, "two", ["c", "b"], values),
    }

    files = CustomerFiles(entries, tmp_path / "work")
    files.write(DAY, tmp_path)
    (group,) = files.groups()

    with pytest.raises(DataError, match="the use cases before, spent do not"):
        group.read()


def of_log(folder: Path, name: str, **changes: Any) -> LogUseCase:
    """A use case on a log of its own name in a folder; some of its sections changed."""
    sections = {
        "events": {"path": "events.parquet", "customer_id": "who", "timestamp": "at", "type": {"column": "kind"}},
        "window": {"observation": "90d", "prediction": "30d"},
        "label": {"event": "purchase", "outcome": "absent"},
    }
    write_use_case(folder, {**sections, **changes}, name=name)
    return load_log(folder / f"{name}.toml")


def test_use_cases_that_ask_a_log_for_the_same_share_what_is_built(tmp_path: Path) -> None:
    """Another outcome of an event, or whom it is asked of, makes no other feature; another event or window does."""
    use_cases = {
        "first": of_log(tmp_path, "first"),
        "outcome": of_log(tmp_path, "outcome", label={"event": "purchase", "outcome": "present"}),
        "eligible": of_log(tmp_path, "eligible", eligible={"active_within": "30d"}),
        "event": of_log(tmp_path, "event", label={"event": "visit", "outcome": "absent"}),
        "window": of_log(tmp_path, "window", window={"observation": "91d", "prediction": "30d"}),
    }
    entries: dict[str, tuple[DailyUseCase, UseCase]] = {
        name: (DailyUseCase(file=use_case.file), use_case) for name, use_case in use_cases.items()
    }

    assert alike(entries) == {
        "first": "first",
        "outcome": "first",
        "eligible": "first",
        "event": "event",
        "window": "window",
    }
