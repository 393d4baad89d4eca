"""Homes made before there was one reading of ids: customers are found, exported and erased under the ids of now."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from serving.cli import load
from serving.customers import decision_log, feature_store
from serving.customers.feature_store import SqliteStore, put
from serving.customers.id_migration import settle_ids
from serving.customers.subject_rights import erase, export
from tests.support.answers import scored_result

SPELLED = {"616.0": "616", "9.243015634602e+12": "9243015634602", " c1 ": "c1", "Zoe\u0301": "Zo\u00e9"}


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A home whose store and decisions log hold ids as files once had them."""
    put(tmp_path, ["x"], [(spelled, [1.0]) for spelled in SPELLED], as_of=100.0)
    put(tmp_path, ["x"], [("616", [2.0])], as_of=200.0)
    decisions = decision_log.Decisions(tmp_path, days=1e6, on=True)
    decisions.record("r", None, [scored_result(spelled, score=5.0, version="1", reasons=()) for spelled in SPELLED])
    decisions.flush()
    for file in (feature_store.FILE, decision_log.FILE):
        with sqlite3.connect(tmp_path / file) as connection:
            connection.execute("PRAGMA user_version = 0")
    return tmp_path


def test_customers_of_an_earlier_home_are_found(earlier: Path) -> None:
    """Of two rows of one customer the later stays; done once."""
    settle_ids(earlier)
    settle_ids(earlier)

    found = SqliteStore(earlier / feature_store.FILE).find(list(SPELLED.values()))

    assert {customer: [row.features["x"] for row in rows] for customer, rows in found.items()} == {
        "616": [2.0],
        "9243015634602": [1.0],
        "c1": [1.0],
        "Zo\u00e9": [1.0],
    }


def test_customers_of_an_earlier_home_are_exported_and_erased(earlier: Path) -> None:
    """Whichever spelling they were loaded under."""
    exported = export(earlier, list(SPELLED.values()))
    erased = erase(earlier, list(SPELLED.values()))

    assert [(len(one["store"]), len(one["decisions"])) for one in exported] == [(1, 1)] * len(SPELLED)
    assert [one["removed"] for one in erased] == [{"store": 1, "decisions": 1, "requests": 0}] * len(SPELLED)


def test_a_customer_loaded_under_a_float_id_is_erased(tmp_path: Path) -> None:
    """By the id that everybody else knows."""
    pl.DataFrame({"customer_id": [2012345678901.0], "x": [1.0]}).write_parquet(tmp_path / "f.parquet")
    assert load.main([str(tmp_path / "f.parquet"), "--home", str(tmp_path)]) == 0

    assert len(export(tmp_path, ["2012345678901"])[0]["store"]) == 1
    assert erase(tmp_path, ["2012345678901"])[0]["removed"]["store"] == 1
