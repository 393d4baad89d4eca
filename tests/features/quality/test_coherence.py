"""What is at odds between a log, its profiles and time is noted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from features.build.log_table import learning_table
from tests.support.worlds import START, log_case, purchases


def test_what_is_at_odds_is_told(tmp_path: Path) -> None:
    """Events before sign-up, customers without profile, profiles without customer: counted, and no more."""
    events = purchases(80)
    ids = [f"c{i}" for i in range(79)] + ["nobody"]
    early = events.filter(pl.col("customer_id") == "c5").height
    signed = [START + timedelta(days=999) if name == "c5" else START - timedelta(days=1) for name in ids]
    pl.DataFrame({"customer_id": ids, "signed_up": signed}).write_parquet(tmp_path / "profiles.parquet")

    case = log_case(tmp_path, events, profiles={"path": "profiles.parquet", "customer_id": "customer_id"})
    notes = [note["detail"] for note in learning_table(case).report["notes"]]

    known = set(events["customer_id"])
    assert f"{early} events lie before their customer's 'signed_up'" in notes
    assert f"{len(known - set(ids))} customers of the log have no profile" in notes
    assert f"{len(set(ids) - known)} profiles belong to nobody in the log" in notes


def test_events_in_the_future_are_told(tmp_path: Path) -> None:
    """A log that goes on after today has a clock that is wrong, or rows that were planned."""
    events = purchases(80)
    case = log_case(tmp_path, events.with_columns(pl.col("ts") + timedelta(days=365 * 50)))

    (note,) = learning_table(case).report["notes"]
    assert note["detail"] == f"{len(events):,} events lie in the future"


def test_profiles_that_match_hardly_a_customer_are_a_finding(tmp_path: Path) -> None:
    """Training says so: every trait would be empty."""
    ids = [f"x{i}" for i in range(120)]
    pl.DataFrame({"customer_id": [*ids, "c1"], "points": range(121)}).write_parquet(tmp_path / "p.parquet")
    profiles = {"path": "p.parquet", "customer_id": "customer_id"}

    found = learning_table(log_case(tmp_path, purchases(120), profiles=profiles)).findings

    [finding] = [each for each in found if each.rule == "few_profiles"]
    assert finding.severity == "warn"
    assert finding.figures["found"] == 1
