"""Leaks planted into real tables: each a column that knows the outcome, in one of the ways seen in the field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from features.spec.feature import Feature, FeatureType

Plant = Callable[[pl.DataFrame, np.random.Generator], pl.Series]
NAME = "the leak"


def planted_feature(cells: pl.Series) -> Feature:
    """The feature that a planted column is, by the type of its cells."""
    if cells.dtype.is_temporal():
        return Feature(cells.name, "date")
    kind: FeatureType = "category" if cells.dtype == pl.String else "integer" if cells.dtype.is_integer() else "number"
    return Feature(cells.name, kind)


def _label(rows: pl.DataFrame) -> np.ndarray:
    return rows["__label"].to_numpy().astype(float)


def _flipped(rows: pl.DataFrame, rng: np.random.Generator, share: float) -> np.ndarray:
    label = _label(rows)
    return np.where(rng.random(len(label)) < share, 1 - label, label)


def noisy_copy(share: float) -> Plant:
    """The label, wrong in a share of the rows."""
    return lambda rows, rng: pl.Series(NAME, _flipped(rows, rng, share))


def blurred_copy(spread: float) -> Plant:
    """The label with normal noise."""
    return lambda rows, rng: pl.Series(NAME, _label(rows) + rng.normal(0, spread, len(rows)))


def filled_for_positives(share: float) -> Plant:
    """A number filled in for a share of the positives and for nobody else."""

    def plant(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        filled = (_label(rows) > 0) & (rng.random(len(rows)) < share)
        return pl.Series(NAME, np.where(filled, rng.gamma(2.0, 50.0, len(rows)), np.nan), nan_to_null=True)

    return plant


def filled_for_negatives(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A number filled in for most negatives only."""
    filled = (_label(rows) < 1) & (rng.random(len(rows)) < 0.7)
    return pl.Series(NAME, np.where(filled, rng.normal(0, 1, len(rows)), np.nan), nan_to_null=True)


def a_level_of_positives(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """One of five levels that a fifth of the positives has and nobody else."""
    own = (_label(rows) > 0) & (rng.random(len(rows)) < 0.2)
    return pl.Series(NAME, np.where(own, "won back", rng.choice(["web", "shop", "phone", "mail"], len(rows))))


def a_value_of_positives(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A number that is 777 for one in twenty positives and never else."""
    own = (_label(rows) > 0) & (rng.random(len(rows)) < 0.05)
    return pl.Series(NAME, np.where(own, 777.0, rng.normal(700, 200, len(rows))))


def category_of_the_label(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """Three levels for either class, mixed up in 3% of the rows."""
    part = rng.integers(0, 3, len(rows))
    return pl.Series(
        NAME, np.where(_flipped(rows, rng, 0.03) > 0, np.array(["a", "b", "c"])[part], np.array(list("xyz"))[part])
    )


def numbered_by_class(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A number given to the positives first, with gaps."""
    place = np.argsort(np.argsort(-_label(rows) + rng.random(len(rows)) / 2))
    return pl.Series(NAME, place * 3 + 100_001)


def odd_for_positives(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A number of its own for each row, odd for positives."""
    return pl.Series(NAME, 2 * rng.permutation(len(rows)) * 2 + _label(rows).astype(int) + 10)


def mean_of_the_label(size: int) -> Plant:
    """The mean label over groups of a few rows, the row itself among them: a high-cardinality id, target-encoded."""

    def plant(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        group = rng.permutation(len(rows)) // size
        total = np.bincount(group, weights=_label(rows))[group]
        return pl.Series(NAME, (total + 2 * _label(rows).mean()) / (np.bincount(group)[group] + 2))

    return plant


def moment_of_the_outcome(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """The last contact: later for those who came back."""
    days = np.where(_label(rows) > 0, rng.integers(90, 200, len(rows)), rng.integers(0, 95, len(rows)))
    start = datetime(2024, 1, 1)
    return pl.Series(NAME, [start + timedelta(days=int(day)) for day in days]).dt.replace_time_zone("UTC")


def counted_after_the_outcome(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """Calls to the service in the month after."""
    return pl.Series(NAME, rng.poisson(np.where(_label(rows) > 0, 4.0, 0.5)))


ANY_TABLE: dict[str, Plant] = {
    "a copy": noisy_copy(0.0),
    "a copy wrong in 2%": noisy_copy(0.02),
    "a copy wrong in 10%": noisy_copy(0.1),
    "a blurred copy": blurred_copy(0.3),
    "a much blurred copy": blurred_copy(0.5),
    "filled for positives": filled_for_positives(1.0),
    "filled for one in ten positives": filled_for_positives(0.1),
    "filled for negatives": filled_for_negatives,
    "a level of positives": a_level_of_positives,
    "a value of positives": a_value_of_positives,
    "a category of the label": category_of_the_label,
    "numbered by class": numbered_by_class,
    "odd for positives": odd_for_positives,
    "a mean of the label over pairs": mean_of_the_label(2),
    "a mean of the label over fives": mean_of_the_label(5),
    "the moment of the outcome": moment_of_the_outcome,
    "counted after the outcome": counted_after_the_outcome,
}


def futures(rows: pl.DataFrame, log: pl.DataFrame, days: int) -> pl.DataFrame:
    """What the log (customer_id, date, amount) holds of each row's customer from its cutoff on, and altogether."""
    log = log.select(pl.col("customer_id").cast(pl.String), pl.col("date").cast(pl.Datetime("us", "UTC")), "amount")
    every = rows.with_row_index("row").select("row", pl.col("__customer_id").alias("customer_id"), "__cutoff")
    joined = every.join(log, on="customer_id", how="left")
    ahead = pl.col("date") >= pl.col("__cutoff")
    soon = ahead & (pl.col("date") < pl.col("__cutoff") + pl.duration(days=days))
    month = ahead & (pl.col("date") < pl.col("__cutoff") + pl.duration(days=days // 3))
    gap = (pl.col("date") - pl.col("__cutoff")).filter(ahead).min().dt.total_days()
    return (
        joined.group_by("row")
        .agg(
            soon.sum().cast(pl.Int64).alias("purchases in the window"),
            month.sum().cast(pl.Int64).alias("purchases in its first third"),
            gap.alias("days to the next purchase"),
            pl.col("amount").filter(soon).sum().alias("money in the window"),
            pl.len().cast(pl.Int64).alias("purchases of the whole log"),
            pl.col("amount").sum().alias("money of the whole log"),
            ((pl.col("__cutoff").first() - pl.col("date").max()).dt.total_days()).alias("days since the very last"),
            pl.when(ahead.any()).then(pl.lit("active")).otherwise(pl.lit("lapsed")).alias("status at the end"),
        )
        .sort("row")
        .drop("row")
    )
