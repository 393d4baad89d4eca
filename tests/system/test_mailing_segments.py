"""The rules of the mailing example, as they were asked for, against counts made by hand from the log."""

from __future__ import annotations

import runpy
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.build.log_table import scoring_table
from features.config.use_case import load_use_case
from features.spec.feature import Feature
from scoring.segments.assignment import assign_all, field_of
from scoring.segments.policy import Policy
from scoring.segments.policy_file import read_policy

FOLDER = Path(__file__).parents[2] / "examples/b2b-mailing"
CUTOFF = datetime(2026, 6, 1)
NAMES = ("mailing-propensity", "mailing-churn")
QUOTED = {
    "hyper_engaged": "opens_7d >= 1 AND clicks_7d >= 2",
    "very_engaged": "open_rate_30d > 0.3 AND clicks_30d > 3",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's people and use cases with a busier log: several mailings a week, opened and clicked repeatedly."""
    folder = tmp_path_factory.mktemp("mailing")
    runpy.run_path(str(FOLDER / "generate.py"))["write_example"](folder / "data", customers=600, seed=3)
    for name in ("propensity", "churn"):
        shutil.copy(FOLDER / f"{name}.toml", folder)
    weekly = pl.read_parquet(folder / "data/events.parquet")
    pl.concat([weekly, busy(weekly)]).write_parquet(folder / "data/events.parquet")
    return folder


def busy(weekly: pl.DataFrame) -> pl.DataFrame:
    """Sends, opens and clicks of half the people in the 100 days before the cutoff, some to the second at an edge."""
    rng = np.random.default_rng(8)
    rows: list[tuple[str, datetime, str]] = []
    for customer in weekly["customer_id"].unique().sort().to_list()[::2]:
        sends = int(rng.integers(1, 40))
        opens, clicks = (int(rng.binomial(sends, rng.uniform(0, most))) for most in (0.5, 0.4))
        for kind, count in (("send", sends), ("open", opens), ("click", clicks)):
            ages = rng.choice([7.0, 30.0, 90.0, *rng.uniform(0.001, 100, 20)], count)
            rows += [(customer, CUTOFF - timedelta(seconds=round(days * 86400)), kind) for days in ages.tolist()]
    empty = [pl.lit(None, weekly.schema[name]).alias(name) for name in weekly.columns[3:]]
    drawn = pl.DataFrame(rows, schema=dict(list(weekly.schema.items())[:3]), orient="row")
    return drawn.with_columns(empty).select(weekly.columns)


@pytest.fixture(scope="module")
def table(folder: Path) -> pl.DataFrame:
    """The features on the cutoff."""
    return scoring_table(load_use_case(folder / "propensity.toml"), CUTOFF.replace(tzinfo=UTC))


@pytest.fixture(scope="module")
def policy(table: pl.DataFrame) -> Policy:
    """The example's policy, checked against the features of both use cases."""
    features = tuple(Feature(name, "number", lower=0.0) for name in table.columns if table[name].dtype.is_numeric())
    return read_policy((FOLDER / "segments.toml").read_text(encoding="utf-8"), dict.fromkeys(NAMES, features))


def by_hand(folder: Path) -> dict[str, list[str]]:
    """Each customer's segments of levels 1 and 2, counted event by event."""
    counts: dict[str, dict[str, int]] = {}
    log = pl.read_parquet(folder / "data/events.parquet")
    for customer, moment, kind in log.select("customer_id", "timestamp", "event_type").rows():
        age = CUTOFF - moment
        if age > timedelta(0):
            mine = counts.setdefault(
                customer, dict.fromkeys(("open 7", "click 7", "open 30", "click 30", "send 30"), 0)
            )
            mine["seen"] = max(mine.get("seen", 0), age // timedelta(microseconds=1))
            for days in (7, 30, 90):
                mine[f"{kind} {days}"] = mine.get(f"{kind} {days}", 0) + (age <= timedelta(days=days))
    return {customer: _named(mine) for customer, mine in counts.items()}


def _named(mine: dict[str, int]) -> list[str]:
    rate = mine["open 30"] / mine["send 30"] if mine["send 30"] else None
    engaged = "not_reached" if rate is None else "high" if rate > 0.2 else "medium" if rate > 0 else "inactive"
    if mine["open 7"] >= 1 and mine["click 7"] >= 2:
        return [engaged, "hyper_engaged"]
    if rate is not None and rate > 0.3 and mine["click 30"] > 3:
        return [engaged, "very_engaged"]
    if mine["seen"] <= timedelta(days=30) // timedelta(microseconds=1):
        return [engaged, "recent_subscriber"]
    return [engaged, "reader"] if mine.get("open 90", 0) else [engaged]


def test_the_rules_are_those_that_were_asked_for(policy: Policy) -> None:
    """Word for word."""
    assert {code: policy.by_code[code].text for code in QUOTED} == QUOTED


def test_everyone_is_where_a_count_by_hand_puts_them(folder: Path, table: pl.DataFrame, policy: Policy) -> None:
    """All 600 people, all segments of two levels; each of the quoted ones has members."""
    statuses = dict.fromkeys(NAMES, ["scored"] * len(table))
    placed = assign_all(policy, statuses, lambda name: [None] * len(table) if field_of(name) else table[name].to_list())

    found = {
        customer: [segment.code for segment in place.path]
        for customer, place in zip(table["customer_id"].to_list(), placed, strict=True)
    }

    assert found == by_hand(folder)
    met = [code for codes in found.values() for code in codes]
    assert {*QUOTED, "high", "medium", "inactive"} <= set(met)


def test_both_use_cases_read_the_same_features(folder: Path, table: pl.DataFrame) -> None:
    """One file of features serves both models, and so a policy over both."""
    other = scoring_table(load_use_case(folder / "churn.toml"), CUTOFF.replace(tzinfo=UTC))

    shared = [name for name in other.columns if name != "eligible"]
    assert set(shared) <= set(table.columns)
    assert other.select(shared).equals(table.select(shared))
