"""Customers with an accepted link between them are one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

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
    report = learning_table(case).report["profiles"]
    assert report is not None
    assert report["bad_rows"]["total"] == 0


def test_links_are_part_of_what_was_learned_from(tmp_path: Path) -> None:
    """Another decision about a link is another training."""
    events = purchases(120)
    digests = []
    for other in ("c4", "c5"):
        pl.DataFrame({"customer_id": ["c3"], "same_as": [other]}).write_csv(tmp_path / "links.csv")
        digests.append(learning_table(log_case(tmp_path, events, window=WINDOW, events={"links": "links.csv"})).digest)

    assert digests[0] != digests[1]


def spelled(events: pl.DataFrame, columns: dict[str, pl.Expr]) -> pl.DataFrame:
    """The events with every other row's id in another spelling."""
    other = pl.int_range(pl.len()) % 2 == 0
    return events.with_columns(pl.when(other).then(columns["one"]).otherwise(columns["other"]).alias("customer_id"))


NUMBER = pl.col("customer_id").str.slice(1).cast(pl.Int64) + 1000
TEXT = NUMBER.cast(pl.String)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TEXT, TEXT + ".0"),
        (TEXT, " " + TEXT),
        (TEXT + "\u00a0", "\ufeff" + TEXT),
        ("Zo\u00e9 " + TEXT, "Zoe\u0301 " + TEXT),
    ],
    ids=["floats", "blanks", "marks", "normal forms"],
)
def test_one_customer_in_two_spellings_is_one(tmp_path: Path, one: pl.Expr, other: pl.Expr) -> None:
    """The table is that of one spelling throughout."""
    events = purchases(80)

    mixed = scoring_table(log_case(tmp_path, spelled(events, {"one": one, "other": other}), window=WINDOW), utc(200))
    plain = scoring_table(log_case(tmp_path, spelled(events, {"one": one, "other": one}), window=WINDOW), utc(200))

    assert mixed.equals(plain)


def test_ids_that_became_floats_are_those_of_the_log(tmp_path: Path) -> None:
    """In profiles and in links too."""
    events = purchases(120).with_columns(TEXT.alias("customer_id"))
    ids = [float(number) for number in range(1000, 1120)]
    pl.DataFrame({"customer_id": ids, "points": range(120)}).write_parquet(tmp_path / "profiles.parquet")
    pl.DataFrame({"customer_id": [1001.0], "same_as": [1002.0]}).write_parquet(tmp_path / "links.parquet")
    profiles = {"path": "profiles.parquet", "customer_id": "customer_id"}

    table = scoring_table(
        log_case(tmp_path, events, window=WINDOW, profiles=profiles, events={"links": "links.parquet"}), utc(200)
    )

    assert table["points"].null_count() == 0
    assert {"1001", "1002"} & set(table["customer_id"]) == {"1001"}


@pytest.mark.parametrize("guest", ["NULL", "nan", "undefined", "0"])
def test_guests_are_no_customer(tmp_path: Path, guest: str) -> None:
    """Their events are left out and counted, however many they are, and nobody bears their name."""
    events = purchases(120)
    shop = events.with_columns(customer_id=pl.lit(guest))

    table = learning_table(log_case(tmp_path, pl.concat([events, shop]), window=WINDOW))

    assert guest not in table.rows["__customer_id"].to_list()
    assert table.report["bad_rows"]["rules"] == {"guest_customer_id": len(events)}


@pytest.mark.parametrize(
    ("first", "there"), [(0, True), (1000, False)], ids=["numbered from 0", "a number of no series"]
)
def test_the_customer_0_is_one_only_where_numbers_begin_there(tmp_path: Path, first: int, there: bool) -> None:
    """And only with as many events as others have."""
    own = pl.col("customer_id").str.slice(1).cast(pl.Int64)
    numbered = purchases(120, rate=0.08).with_columns(customer_id=pl.when(own > 0).then(own + first).otherwise(0))

    table = scoring_table(log_case(tmp_path, numbered, window=WINDOW), utc(200))

    assert ("0" in table["customer_id"].to_list()) == there
