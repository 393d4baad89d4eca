"""Statements of ours reach DuckDB by one module."""

from __future__ import annotations

import ast
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from features.sources.duckdb_sql import add_numbers, all_rows, attach, column_names, in_order, make_table, quoted
from features.sources.engine import engine
from tests.system.test_layers import OURS, ROOT

ONLY = "features/sources/duckdb_sql.py"
ORDER = "SELECT current_setting('preserve_insertion_order')"


def callers(root: Path, name: str) -> set[str]:
    """The files of ours that call a method of this name."""
    return {
        path.relative_to(root).as_posix()
        for package in OURS
        for path in (root / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == name
    }


def test_one_module_hands_statements_to_the_engine() -> None:
    """Whoever writes SQL for DuckDB elsewhere would be a thing to rewrite for each further engine."""
    assert callers(ROOT, "raw_sql") == {ONLY}


def test_the_order_of_rows_is_kept_for_a_block_alone() -> None:
    """Also where the block fails: what comes after is read in any order, which takes less memory."""
    with engine() as backend:
        with in_order(backend):
            inside = all_rows(backend, ORDER)

        with pytest.raises(duckdb.Error), in_order(backend):
            all_rows(backend, "SELECT no_such_column")

        assert (inside, all_rows(backend, ORDER)) == ([(True,)], [(False,)])


def test_rows_get_the_numbers_of_the_steps_that_they_lie_in() -> None:
    """Rows 1 and 4 of a file are not in the table: its rows were the second, third, fifth and sixth."""
    steps = pa.table({"start": [1, 3], "until": [3, 2**62], "more": [1, 2]})
    with engine() as backend:
        make_table(backend, 'odd "table"', "SELECT unnest(['a', 'b', 'c', 'd']) AS text")

        add_numbers(backend, 'odd "table"', "number", steps)

        found = all_rows(backend, 'SELECT text, number FROM "odd ""table""" ORDER BY text')
    assert found == [("a", 2), ("b", 3), ("c", 5), ("d", 6)]


def test_an_attached_file_shows_its_tables(tmp_path: Path) -> None:
    """Schema, name and kind, in order; their columns by the quoted name."""
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as made:
        made.execute('CREATE TABLE "sold things" AS SELECT 1 AS "a b"')
        made.execute('CREATE VIEW all_of_them AS FROM "sold things"')
    with engine() as backend:
        found = attach(backend, tmp_path / "shop.duckdb", "shop")

        columns = column_names(backend, f"shop.main.{quoted('sold things')}")
    assert found == [("main", "all_of_them", "VIEW"), ("main", "sold things", "BASE TABLE")]
    assert columns == ["a b"]
