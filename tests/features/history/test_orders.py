"""Rows of one order are lines of one purchase, where an order is declared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from features.build.log_table import learning_table, scoring_table
from tests.support.worlds import log_case, purchases, utc

CUTOFF = utc(200)


def orders() -> pl.DataFrame:
    """Purchases with an order each, a measure, and a property that is the same in all lines."""
    log = purchases().with_columns(order=pl.int_range(pl.len()).cast(pl.String), items=pl.lit(6.0))
    return log.with_columns(shop=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("web")).otherwise(pl.lit("town")))


def in_lines(log: pl.DataFrame) -> pl.DataFrame:
    """The same with one to three lines an order, in any order: its amount parted, later ones some minutes later."""
    random = np.random.default_rng(2)
    lines = log.with_columns(n=pl.Series(random.integers(1, 4, len(log))))
    lines = lines.with_columns(line=pl.int_ranges(0, "n")).explode("line")
    last, first = pl.col("line") == pl.col("n") - 1, pl.col("line") == 0
    share = (pl.col("amount") / pl.col("n")).round(2)
    return (
        lines.with_columns(
            amount=pl.when(last).then((pl.col("amount") - share * (pl.col("n") - 1)).round(2)).otherwise(share),
            items=pl.col("items") / pl.col("n"),
            shop=pl.when(first | last).then("shop").otherwise(None),
            ts=pl.col("ts") + pl.duration(minutes=pl.col("line")),
        )
        .drop("n", "line")
        .sample(fraction=1, shuffle=True, seed=3)
    )


EVENTS = {"order": "order", "properties": ["shop"], "measures": ["items"]}


def test_lines_of_an_order_are_one_purchase(tmp_path: Path) -> None:
    """Features and labels are those of the log with a row for each order: counts, sums, moments, levels, measures."""
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    whole.mkdir()
    parted.mkdir()
    log = orders()
    expected = log_case(whole, log, events={key: value for key, value in EVENTS.items() if key != "order"})
    case = log_case(parted, in_lines(log), events=EVENTS)

    assert scoring_table(case, CUTOFF).equals(scoring_table(expected, CUTOFF))
    assert learning_table(case).rows.equals(learning_table(expected).rows)


def test_rows_without_an_order_are_purchases_each(tmp_path: Path) -> None:
    """A blank order merges nobody's rows; nor does the same number of another customer."""
    log = purchases().with_columns(order=pl.lit(" "))
    other = log.with_columns(order=pl.lit("7")).unique("customer_id", keep="first", maintain_order=True)
    expected = scoring_table(log_case(tmp_path, pl.concat([log, other])), CUTOFF)

    table = scoring_table(log_case(tmp_path, pl.concat([log, other]), events={"order": "order"}), CUTOFF)

    assert table.equals(expected)
