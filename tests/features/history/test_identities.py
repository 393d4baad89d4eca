"""Customers with an accepted link between them are one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from features.build.log_table import learning_table, scoring_table
from tests.support.worlds import log_case, purchases, utc

WINDOW = {"test_cutoff": f"{utc(200):%Y-%m-%d}"}


def _split_in_two(events: pl.DataFrame) -> pl.DataFrame:
    """The log with every third event of c1 and of c2 under another id."""
    other = pl.col("customer_id").is_in(["c1", "c2"]) & (pl.int_range(pl.len()) % 3 == 0)
    return events.with_columns(
        pl.when(other).then("z" + pl.col("customer_id")).otherwise("customer_id").alias("customer_id")
    )


def test_accepted_links_make_two_customers_one(tmp_path: Path) -> None:
    """The features are those of the log in which they were never two; a link that nobody accepted does nothing."""
    events = purchases(60, rate=0.08)
    links = pl.DataFrame({"customer_id": ["zc1", "c2"], "same_as": ["c1", "zc2"], "accepted": ["yes", " Oui"]})
    pl.concat([links, pl.DataFrame({"customer_id": ["c3"], "same_as": ["c4"], "accepted": ["no"]})]).write_csv(
        tmp_path / "links.csv"
    )

    whole = scoring_table(log_case(tmp_path, events, window=WINDOW), utc(200))
    merged = scoring_table(
        log_case(tmp_path, _split_in_two(events), window=WINDOW, events={"links": "links.csv"}), utc(200)
    )

    assert merged.equals(whole)


def test_merged_customers_have_one_profile(tmp_path: Path) -> None:
    """The first of theirs, and none of them is a bad row."""
    events = purchases(120)
    ids = [*(f"c{i}" for i in range(120)), "zc1", "zc2"]
    pl.DataFrame({"customer_id": ids, "points": np.arange(122) // 2}).write_parquet(tmp_path / "profiles.parquet")
    pl.DataFrame({"customer_id": ["zc1", "zc2"], "same_as": ["c1", "c2"]}).write_csv(tmp_path / "links.csv")
    profiles = {"path": "profiles.parquet", "customer_id": "customer_id"}
    case = log_case(tmp_path, _split_in_two(events), window=WINDOW, profiles=profiles, events={"links": "links.csv"})

    table = scoring_table(case, utc(200))

    points = dict(table.select("customer_id", "points").iter_rows())
    assert (points["c1"], points["c2"]) == (0, 1)
    assert "zc1" not in points
    assert learning_table(case).report["profiles"]["bad_rows"]["total"] == 0


def test_links_are_part_of_what_was_learned_from(tmp_path: Path) -> None:
    """Another decision about a link is another training."""
    events = purchases(120)
    digests = []
    for other in ("c4", "c5"):
        pl.DataFrame({"customer_id": ["c3"], "same_as": [other]}).write_csv(tmp_path / "links.csv")
        digests.append(learning_table(log_case(tmp_path, events, window=WINDOW, events={"links": "links.csv"})).digest)

    assert digests[0] != digests[1]
