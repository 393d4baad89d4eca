"""Features of several use cases side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from features.config.use_case import UseCase, load_use_case
from features.errors import DataError
from penchant.daily.day_features import write_customers, written_groups
from penchant.daily.run_file import DailyUseCase
from tests.support.worlds import write_use_case

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

    groups, count = write_customers(entries, DAY, tmp_path / "work", tmp_path)
    rows = pl.concat([pl.read_parquet(group.file) for group in groups]).to_dicts()

    assert count == 3
    assert written_groups(tmp_path / "work") == groups
    assert [(row["customer_id"], row["spent"]) for row in rows] == [("a", 1.0), ("b", 2.0), ("c", 3.0)]
    assert [(row["one.covered"], row["two.covered"]) for row in rows] == [(True, False), (True, True), (False, True)]


@pytest.mark.parametrize("values", [[3.0, 2.5], ["3", "2"]], ids=["another value", "another type"])
def test_a_column_of_two_use_cases_must_agree(tmp_path: Path, values: Sequence[float | str]) -> None:
    """On whoever stands in both; the message names the column, and no value."""
    entries = {
        "one": entry(tmp_path, "one", ["b", "a"], [2.0, 1.0]),
        "two": entry(tmp_path, "two", ["c", "b"], values),
    }

    with pytest.raises(DataError, match="the use cases before, spent do not"):
        write_customers(entries, DAY, tmp_path / "work", tmp_path)
