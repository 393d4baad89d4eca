"""The data report flags outliers and counts what a column holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from features.build.log_table import learning_table
from features.columns.column_report import outliers
from features.columns.type_inference import read_column
from tests.support.worlds import log_case, purchases


def test_outliers_are_tukey_s() -> None:
    """By numpy, at the same quartiles."""
    cells = pl.Series(np.random.default_rng(0).standard_t(2, 801))
    low, high = np.quantile(cells.to_numpy(), [0.25, 0.75])
    beyond = (cells < low - 1.5 * (high - low)) | (cells > high + 1.5 * (high - low))

    assert outliers(cells) == beyond.sum()
    assert outliers(pl.Series(["a"])) is None
    assert outliers(pl.Series([0.0] * 9 + [5.0])) is None


def test_a_column_read_has_the_quartiles_and_distinct_values_of_its_cells() -> None:
    """One sorting tells what polars tells of the cells as they stand: with gaps, ties, whole numbers and both zeros."""
    random = np.random.default_rng(2)
    drawn = random.normal(size=997).round(1)
    drawn[:3] = 0.0, -0.0, np.nan
    texts = pl.Series(["a", "b", " b", "B", None, ""] * 50)

    for cells in (pl.Series(drawn), pl.Series(drawn).fill_nan(None), pl.Series([3, None, 3, 1, 7] * 30), texts):
        read = read_column(cells.alias("n"))

        assert read.distinct == read.cells.drop_nulls().n_unique()
        assert outliers(read.cells, read.quartiles) == outliers(read.cells)
        assert (read.quartiles is None) == (cells.dtype == pl.String)


def test_outliers_are_flagged_and_kept(tmp_path: Path) -> None:
    """The data report counts them, however large; the rows stay."""
    events = purchases(80)
    ends = pl.int_range(pl.len()).is_in([0, len(events) - 1])  # the last lies after the cutoffs
    wild = events.with_columns(pl.when(ends).then(9e13).otherwise("amount").alias("amount"))

    table = learning_table(log_case(tmp_path, wild))

    (money,) = [column for column in table.report["columns"] if column["name"] == "monetary_total"]
    assert money["outliers"] is not None
    assert money["outliers"] >= 1
    assert (table.rows["monetary_total"] > 1e6).any()
