"""Everybody whom a source knows, with a label or without, each once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from features.build.known_customers import known_customers
from features.config.use_case import load_use_case
from features.errors import UseCaseError
from features.spec.suppression_list import objectors_of
from scoring.privacy import suppression

TABLE = """name = "t"
polarity = "positive"
[table]
path = "rows.csv"
label = "left"
positive = 1
"""


def use_case_of(folder: Path, more: str = 'customer_id = "client"\n') -> Path:
    """A table whose last rows have no label, and one customer two rows."""
    rows = {
        "client": [*(f"k{at}" for at in range(60)), "k3"],
        "left": [*(str(at % 2) for at in range(50)), *([""] * 11)],
        "visits": [*range(60), 1000],
    }
    pl.DataFrame(rows).write_csv(folder / "rows.csv")
    file = folder / "t.toml"
    file.write_text(TABLE + more)
    return file


def test_rows_without_a_label_are_customers_too(tmp_path: Path) -> None:
    """The last row of each stands for them."""
    known = known_customers(load_use_case(use_case_of(tmp_path)))

    assert known.rows["customer_id"].to_list() == sorted(f"k{at}" for at in range(60))
    assert known.rows.filter(customer_id="k3")["visits"].to_list() == [1000]
    assert [one.name for one in known.features] == ["visits"]
    assert known.as_of is None


def test_objectors_are_none_of_them(tmp_path: Path) -> None:
    """They are counted."""
    suppression.add(tmp_path, ["k1", "k2", "nobody"])

    known = known_customers(load_use_case(use_case_of(tmp_path)), None, objectors_of(tmp_path))

    assert not {"k1", "k2"} & set(known.rows["customer_id"])
    assert known.objected == 2


def test_a_table_without_ids_knows_no_customers(tmp_path: Path) -> None:
    """The rule names the key."""
    with pytest.raises(UseCaseError, match=r"table\.customer_id"):
        known_customers(load_use_case(use_case_of(tmp_path, "")))
