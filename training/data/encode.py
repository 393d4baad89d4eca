"""What the encoder learns, from the fitting rows alone: level codes and the ranges met."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.spec.feature import MISSING, OTHER, Feature, normalise
from scoring.encoding.encoder import Encoder
from training.data.split import labels

RARE_ROWS = 10  # a level met in fewer fitting rows goes to OTHER
RARE_SHARE = 0.0005  # or in a smaller share of them
RARE_CUSTOMERS = 10  # or of fewer customers: their value would stand in the bundle
MOST_LEVELS = 254  # codes of one feature besides OTHER and MISSING
SHARED_BY = 10  # rows that must share the end of a range for it to stand in a manifest as it is
SPAN_STEPS = 20  # steps of a range, of which its ends are whole ones
WHOLE_STEP = 5.0  # least step of whole numbers: a step of 1 would leave but one that it can have been
BLOCK = 65_536  # rows encoded at once
MANY_LEVELS = 20  # levels of a category from which trees may be grown on their rates
WEIGHT = 20.0  # rows of the base rate that a level's outcome rate is smoothed with


def fit_encoder(features: Sequence[Feature], rows: pl.DataFrame) -> tuple[tuple[Feature, ...], dict[str, list[str]]]:
    """The features with what was seen of them, and each category's levels in the order of their codes.

    Codes rise with the outcome rate in the fitting rows, smoothed towards the base rate, so that a tree's split on the
    code is a split on the risk (Fisher 1958); OTHER and MISSING have places of their own among them.
    """
    outcome, groups = labels(rows), _groups(rows)
    learned, codes = [], {}
    for feature in features:
        column = rows[feature.name]
        if feature.type == "category":
            levels, order = _levels(column, outcome, groups)
            learned.append(dataclasses.replace(feature, levels=levels))
            codes[feature.name] = order
        else:
            learned.append(dataclasses.replace(feature, seen=_seen(feature, column), decimal=_decimal(feature)))
    return tuple(learned), codes


def has_many_levels(features: Sequence[Feature], rows: pl.DataFrame) -> bool:
    """Whether a category has many levels that an encoder of these rows would know."""
    columns = (rows[feature.name] for feature in features if feature.type == "category")
    wide = [column for column in columns if column.n_unique() >= MANY_LEVELS]
    return any(len(_levels(column, labels(rows), _groups(rows))[0]) >= MANY_LEVELS for column in wide)


def encode(encoder: Encoder, rows: pl.DataFrame, kind: type[np.floating[Any]] = np.float64) -> NDArray[Any]:
    """The matrix of a table's rows, one column a feature; made block by block, so that nothing is in memory twice.

    Raises:
        ValueError: A row breaks its feature's bounds; the tables of `features` never do.
    """
    names = [feature.name for feature in encoder.features]
    there = set(rows.columns)
    texts = [
        column for column, marks in encoder.texts.items() if column in there and not there.issuperset(marks.values())
    ]
    made = {name for column in texts for name in encoder.texts[column].values()}  # of the words of an earlier version
    read = rows.select(*(name for name in names if name not in made), *texts)
    matrix = np.empty((rows.height, len(names)), dtype=kind)
    for start in range(0, rows.height, BLOCK):
        block = read[start : start + BLOCK]
        encoded = encoder.table(block.to_arrow(compat_level=pl.CompatLevel.oldest()))
        if encoded.errors:
            broken, row = len(encoded.errors), start + min(encoded.errors)
            raise ValueError(f"Every learning row must be valid, got {broken} that are not, the first row {row}.")
        matrix[start : start + BLOCK] = encoded.matrix
    return matrix


def columns(
    features: Sequence[Feature], codes: Mapping[str, list[str]], rows: pl.DataFrame
) -> Iterator[NDArray[np.float64]]:
    """The same one feature after another, where a matrix would be too much at once."""
    for feature in features:
        yield encode(Encoder((feature,), codes), rows)[:, 0]


def _levels(column: pl.Series, outcome: NDArray[np.float64], groups: pl.Series) -> tuple[tuple[str, ...], list[str]]:
    """The levels by falling frequency, and all codes by rising smoothed outcome rate."""
    base = float(outcome.mean())
    counted = (
        pl.DataFrame({"text": column, "outcome": outcome, "customers": groups})
        .group_by("text")
        .agg(pl.len().alias("rows"), pl.col("outcome").sum().alias("hits"), pl.col("customers").unique())
        .sort(["rows", "text"], descending=[True, False])
        .with_columns(key=pl.col("text").map_elements(normalise, return_dtype=pl.String))
        .with_columns(key=pl.when(pl.col("key") == "").then(None).otherwise("key"))
        .group_by("key", maintain_order=True)
        .agg(
            pl.col("rows").sum(),
            pl.col("hits").sum(),
            pl.col("text").drop_nulls().first(),
            pl.col("customers").list.explode().n_unique(),
        )
        .sort(["rows", "key"], descending=[True, False])
    )
    least = max(RARE_ROWS, RARE_SHARE * len(outcome))
    known = counted.filter(pl.col("key").is_not_null())
    shared = (pl.col("rows") >= least) & (pl.col("customers") >= RARE_CUSTOMERS)
    kept = known.filter(shared).head(MOST_LEVELS)
    rest = known.filter(~pl.col("key").is_in(kept["key"].to_list()))
    gaps = counted.filter(pl.col("key").is_null())
    tally = {text: (hits, rows) for text, hits, rows in kept.select("text", "hits", "rows").iter_rows()}
    tally[OTHER] = (float(rest["hits"].sum()), int(rest["rows"].sum()))
    tally[MISSING] = (float(gaps["hits"].sum()), int(gaps["rows"].sum()))
    rate = {level: (hits + WEIGHT * base) / (rows + WEIGHT) for level, (hits, rows) in tally.items()}
    return tuple(kept["text"].to_list()), sorted(rate, key=lambda level: (rate[level], level))


def _groups(rows: pl.DataFrame) -> pl.Series:
    """A mark of each row that a customer's rows share; each row's own where none is there."""
    return rows["__group"] if "__group" in rows.columns else pl.Series(range(rows.height), dtype=pl.UInt64)


def _decimal(feature: Feature) -> str | None:
    """What begins the decimals of texts in files to score, where no form says it: they were read so in training."""
    return "." if feature.type in ("number", "integer") and feature.written is None else None


def _seen(feature: Feature, column: pl.Series) -> tuple[float, float] | None:
    if feature.type == "boolean" or column.null_count() == column.len():
        return None
    numbers = column.cast(pl.Datetime("us")).dt.epoch("us") / 86_400_000_000 if feature.type == "date" else column
    return _shared_range(numbers.drop_nulls().cast(pl.Float64).to_numpy(), feature)


def _shared_range(values: NDArray[np.float64], feature: Feature) -> tuple[float, float]:
    """The range of values, each end as it is where enough rows share it, else rounded outward to a step of the span.

    An end that one customer has would say something of that customer to whoever reads the manifest.
    """
    low, high = float(values.min()), float(values.max())
    step = _step((high - low) / SPAN_STEPS or abs(high) / SPAN_STEPS or 1.0)
    step = max(step, WHOLE_STEP) if feature.type == "integer" else step
    if (values == low).sum() < SHARED_BY:
        low = step * (math.ceil(low / step) - 1)
    if (values == high).sum() < SHARED_BY:
        high = step * (math.floor(high / step) + 1)
    limits = (feature.lower, feature.upper)
    return (low if limits[0] is None else max(low, limits[0])), (high if limits[1] is None else min(high, limits[1]))


def _step(width: float) -> float:
    """The next larger of 1, 2 and 5 times a power of ten.

    >>> [_step(width) for width in (3, 0.011, 60)]
    [5.0, 0.02, 100.0]
    """
    power = 10.0 ** math.floor(math.log10(width))
    return next((digit * power for digit in (1.0, 2.0, 5.0) if width <= digit * power), 10.0 * power)
