"""Traits that a client posts are read as training read those of the file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from features.build.log_table import learning_table
from features.point_in_time.compiled_sql import trait_columns
from serving.customers.event_rows import read_record
from tests.support.worlds import log_case, purchases

N = 120


def test_posted_traits_are_read_as_the_file_writes_them(tmp_path: Path) -> None:
    """By the form found or declared in training; what is not written so is refused with the form."""
    traits = {
        "who": [f"c{i}" for i in range(N)],
        "spend": [f"{i % 90} 000,50 €" for i in range(N)],
        "joined": [f"{1 + i % 28}/07/2023" for i in range(N)],
        "renewed": [f"0{1 + i % 9}/07/2023" for i in range(N)],
    }
    pl.DataFrame(traits).write_parquet(tmp_path / "profiles.parquet")
    section = {"path": "profiles.parquet", "customer_id": "who", "formats": {"renewed": "%d/%m/%Y"}}
    use_case = log_case(tmp_path, purchases(N), window={"test_cutoff": "2024-07-19"}, profiles=section)
    plan = learning_table(use_case).feature_plan
    assert plan is not None
    columns = trait_columns(plan)[1:]
    texts = {"spend": "4 000,50 €", "joined": "5/07/2023", "renewed": "05/07/2023"}

    cells, broken = read_record(texts, columns, (), "traits")
    _, refused = read_record({**texts, "spend": "a lot", "joined": "2023"}, columns, (), "traits")

    assert (cells, broken) == ([4000.5, datetime(2023, 7, 5), datetime(2023, 7, 5)], [])
    assert cells == read_record({**texts, "spend": 4000.5, "joined": "2023-07-05"}, columns, (), "traits")[0]
    assert ["written 1 234,56 €" in refused[0]["detail"], "%d/%m/%Y" in refused[1]["detail"]] == [True, True]
