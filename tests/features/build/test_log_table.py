"""Time is honoured: nothing at or after the cutoff is seen."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.build.log_table import learning_table, scoring_table
from features.point_in_time.labels import naive
from tests.support.worlds import (
    EXAMPLES,
    START,
    as_bytes,
    load_log,
    log_case,
    purchases,
    rewritten,
    seconds_after,
    utc,
)

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # each example writes files and runs the engine: no shrinking
WINDOW = {"test_cutoff": f"{utc(200):%Y-%m-%d}"}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=PHASES)
@given(seed=st.integers(0, 10_000), day=st.sampled_from([150, 200, 250]), customers=st.integers(20, 60))
def test_rewriting_the_future_changes_no_feature(seed: int, day: int, customers: int) -> None:
    """Whatever stands at or after the cutoff, the feature table is the same to the byte."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = purchases(customers, seed=seed)
        before = scoring_table(log_case(folder, events, window=WINDOW), utc(day))
        after = scoring_table(log_case(folder, rewritten(events, utc(day), seed=seed), window=WINDOW), utc(day))

    assert as_bytes(before) == as_bytes(after)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=PHASES)
@given(seed=st.integers(0, 10_000))
def test_rewriting_the_future_changes_no_feature_of_a_rich_log(seed: int) -> None:
    """The same with types, properties, measures, refunds and traits, rewritten beyond recognition after the cutoff."""
    random = np.random.default_rng(seed)
    events = purchases(40, seed=seed)
    n = len(events)
    rich = events.with_columns(
        kind=pl.Series(random.choice(["purchase", "visit", "send"], n)),
        channel=pl.Series(random.choice(["web", "shop", ""], n)).replace("", None),
        seconds=pl.Series(random.gamma(1, 30, n)),
        amount=pl.Series(random.normal(20, 20, n)),
    )
    late = pl.col("ts") >= naive(utc(200))
    other = rich.with_columns(
        kind=pl.when(late).then(pl.lit("strange")).otherwise("kind"),
        channel=pl.when(late).then(pl.lit("fax")).otherwise("channel"),
        seconds=pl.when(late).then(1e9).otherwise("seconds"),
        amount=pl.when(late).then(-1e6).otherwise("amount"),
    ).sample(fraction=1.0, shuffle=True, seed=seed)
    people = [f"c{i}" for i in range(40)]
    profiles = pl.DataFrame({"who": people, "since": [START] * 40, "size": random.integers(0, 9, 40)})
    future = pl.DataFrame({"who": people, "since": [naive(utc(200))] * 40, "size": [99] * 40})
    sections: dict[str, dict[str, Any]] = {
        "events": {"type": {"column": "kind"}, "properties": ["channel"], "measures": ["seconds"]},
        "window": WINDOW,
        "profiles": {"path": "profiles.parquet", "customer_id": "who", "valid_from": "since"},
    }
    tables = []
    with tempfile.TemporaryDirectory() as name:
        for log, traits in ((rich, profiles), (other, pl.concat([future, profiles]))):
            traits.write_parquet(Path(name) / "profiles.parquet")
            tables.append(scoring_table(log_case(Path(name), log, **sections), utc(200)))

    assert as_bytes(tables[0]) == as_bytes(tables[1])


def test_rewriting_the_future_changes_no_feature_of_cdnow(tmp_path: Path) -> None:
    """The same on real purchases, at the test cutoff."""
    cutoff = datetime(1998, 4, 2, tzinfo=UTC)
    example = load_log(EXAMPLES / "cdnow/churn.toml")
    log = pl.read_parquet(example.events.path).select("customer_id", ts=pl.col("date"), amount="amount")
    typed = log.with_columns(pl.col("customer_id").cast(pl.String), pl.col("ts").cast(pl.Datetime("us")))
    sections = {"window": {"test_cutoff": "1998-04-02", "prediction": "60d", "observation": "365d"}}

    before = scoring_table(log_case(tmp_path, typed, **sections), cutoff)
    after = scoring_table(log_case(tmp_path, rewritten(typed, cutoff), **sections), cutoff)

    assert len(before) == 23570
    assert as_bytes(before) == as_bytes(after)


def test_rewriting_the_future_changes_no_feature_of_a_large_log(tmp_path: Path) -> None:
    """The same on 600,000 rows, where sums are made by several threads; and a second run gives the same bytes."""
    random = np.random.default_rng(7)
    n = 600_000
    events = pl.DataFrame(
        {
            "customer_id": pl.Series(random.integers(0, 30_000, n)).cast(pl.String),
            "ts": seconds_after(random, n, 300 * 86_400),
            "amount": random.gamma(2, 20, n),
        }
    ).with_columns(ts=pl.lit(START, pl.Datetime("us")) + pl.col("ts"))

    before = scoring_table(log_case(tmp_path, events, window=WINDOW), utc(200))
    again = scoring_table(log_case(tmp_path, events, window=WINDOW), utc(200))
    after = scoring_table(log_case(tmp_path, rewritten(events, utc(200)), window=WINDOW), utc(200))

    assert as_bytes(before) == as_bytes(again)
    assert as_bytes(before) == as_bytes(after)


def test_a_cutoff_between_two_rewrites_is_seen(tmp_path: Path) -> None:
    """The test can fail: a rewrite of what lies before the cutoff does change the table."""
    events = purchases()

    before = scoring_table(log_case(tmp_path, events, window=WINDOW), utc(200))
    after = scoring_table(log_case(tmp_path, rewritten(events, utc(150)), window=WINDOW), utc(200))

    assert as_bytes(before) != as_bytes(after)


@pytest.mark.parametrize("gap", [0, 5], ids=["no gap", "a gap"])
def test_no_training_outcome_reaches_beyond_the_test_cutoff(tmp_path: Path, gap: int) -> None:
    """Every training label window ends at or before the test cutoff, and cutoffs rise."""
    use_case = log_case(tmp_path, purchases(), window={**WINDOW, "gap": f"{gap}d"})

    cutoffs = learning_table(use_case).cutoffs

    assert cutoffs is not None
    assert list(cutoffs.train) == sorted(cutoffs.train)
    assert all(moment + timedelta(days=gap + 30) <= cutoffs.test for moment in cutoffs.train)
