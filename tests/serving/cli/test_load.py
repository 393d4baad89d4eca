"""A table in the online store is that table, whatever kind of file it came in."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from serving.cli import load
from serving.customers.feature_store import FILE, SqliteStore
from tests.support.stored import ROWS, table


def test_a_csv_is_loaded_as_the_parquet_file_is(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers as numbers, booleans as booleans; ids keep their zeros; a row that cannot be read is counted."""
    ids = [f"{number:05}" for number in range(20)]
    frame = table(ROWS[:20], ids).drop("eligible").with_columns(pl.col("joined on").dt.strftime("%Y-%m-%d"))
    frame.write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.txt").write_text(frame.write_csv(separator="\t") + "TOTAL\t20\n", encoding="utf-8")
    found = []
    for name in ("t.parquet", "t.txt"):
        shutil.copytree(home, tmp_path / f"home of {name}")
        assert load.main([str(tmp_path / name), "--home", str(tmp_path / f"home of {name}")]) == 0
        rows = SqliteStore(tmp_path / f"home of {name}" / FILE).find(ids)
        found.append({customer: [row.features for row in own] for customer, own in rows.items()})

    assert found[0] == found[1]
    assert len(found[0]) == 20
    assert "1 rows of the file could not be read" in capsys.readouterr().err
