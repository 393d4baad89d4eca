"""Customers as points: counts and money on a log scale, robust scales, levels and missing values as marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.spec.feature import Feature

Floats = NDArray[np.float64]

MOST_LEVELS = 8  # of a category that are coordinates; the rest is none of them
FEW_LEVELS = 20  # distinct ones up to which a category is taken at all
LEAST_LEVEL = 0.02  # share of the rows below which a level is no coordinate
LEAST_MISSING = 0.01  # share of missing values from which that a value is missing is a coordinate
FEW_NEGATIVE = 0.05  # share of values below 0, as refunds are, up to which a column is of counts or money
SKEWED = 1.0  # skewness from which counts and money are looked at on a log scale
QUARTILES = 1.349  # quartile ranges of a normal distribution in its standard deviations
LATTICE = 0.5  # share of distinct values below which numbers are taken for rounded ones
OTHER_LEVEL = -1.0


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One coordinate of the scaled space, as `scoring.segments.learned` reads it."""

    name: str
    kind: Literal["number", "level", "missing"]
    column: int
    level: str | None = None
    log: bool = False
    center: float = 0.0
    scale: float = 1.0
    missing: float = 0.0


@dataclass(frozen=True, slots=True)
class ScaledSpace:
    """How the columns of a table become coordinates."""

    names: tuple[str, ...]  # of the features, one a column
    coordinates: tuple[Coordinate, ...]
    levels: tuple[tuple[str, ...], ...]  # by column, those with a code; none of a number
    left_out: tuple[tuple[str, str], ...]  # features that are none, and why: constant, levels

    def columns(self, rows: pl.DataFrame) -> Floats:
        """A column a feature: numbers as they are, booleans 0 or 1, dates in days, codes of levels; NaN is missing."""
        return np.column_stack(
            [_numbers(rows[name], known) for name, known in zip(self.names, self.levels, strict=True)]
        )

    def points(self, columns: Floats) -> Floats:
        """The rows in the scaled space."""
        out = np.empty((len(columns), len(self.coordinates)))
        for at, one in enumerate(self.coordinates):
            values = columns[:, one.column]
            unknown = np.isnan(values)
            if one.kind == "missing":
                out[:, at] = unknown / one.scale
            elif one.kind == "level":
                out[:, at] = (values == self.levels[one.column].index(one.level or "")) / one.scale
            else:
                shown = _signed_log(values) if one.log else values
                out[:, at] = np.where(unknown, one.missing, (shown - one.center) / one.scale)
        return out

    def shown(self, columns: Floats, at: int) -> Floats:
        """The known values of a number as it is looked at, on a log scale or not, before it is centred."""
        one = self.coordinates[at]
        values = columns[:, one.column]
        values = values[~np.isnan(values)]
        return _signed_log(values) if one.log else values

    def spread_ties(self, columns: Floats, generator: np.random.Generator) -> Floats:
        """The columns with rounded numbers anywhere within their rounding, so that steps are not taken for gaps."""
        out = columns.copy()
        for one in self.coordinates:
            values = out[:, one.column]
            known = ~np.isnan(values)
            distinct = np.unique(values[known])
            if one.kind == "number" and 2 < len(distinct) < LATTICE * known.sum():
                steps = np.diff(distinct)
                nearer = np.minimum(np.r_[steps[0], steps], np.r_[steps, steps[-1]]) / 2
                moved = generator.uniform(-1, 1, int(known.sum())) * nearer[np.searchsorted(distinct, values[known])]
                out[known, one.column] += moved
        return out

    def rescaled(self, scales: dict[int, float]) -> ScaledSpace:
        """The same with other scales of some coordinates."""
        changed = tuple(
            replace(one, scale=scales[at]) if at in scales else one for at, one in enumerate(self.coordinates)
        )
        return replace(self, coordinates=changed)


def scaled_space(rows: pl.DataFrame, features: Sequence[Feature]) -> ScaledSpace:
    """The space of a table's features: those that differ between customers, categories of few levels."""
    names, known, coordinates, left_out = list[str](), list[tuple[str, ...]](), list[Coordinate](), []
    for feature in features:
        column = rows[feature.name]
        if column.n_unique() < 2:
            left_out.append((feature.name, "constant"))
            continue
        levels = _levels(column) if feature.type == "category" else ()
        if levels is None:
            left_out.append((feature.name, "levels"))
            continue
        at = len(names)
        values = _numbers(column, levels)
        made = [
            *(_of_levels(feature, at, levels) if levels else _of_number(feature, at, values)),
            *_of_missing(feature, at, values),
        ]
        if made:
            names.append(feature.name)
            known.append(levels)
            coordinates.extend(made)
        else:
            left_out.append((feature.name, "constant"))
    return ScaledSpace(tuple(names), tuple(coordinates), tuple(known), tuple(left_out))


def _levels(column: pl.Series) -> tuple[str, ...] | None:
    """The frequent levels of a category, the most frequent first; None of one of very many."""
    counted = (
        column.drop_nulls()
        .cast(pl.String)
        .alias("level")
        .value_counts(sort=False)
        .sort(["count", "level"], descending=[True, False])
    )
    frequent = counted.filter(pl.col("count") >= LEAST_LEVEL * len(column)).head(MOST_LEVELS)
    if counted.height > FEW_LEVELS or frequent.is_empty():
        return None
    return tuple(frequent["level"].to_list())


def _of_levels(feature: Feature, at: int, levels: tuple[str, ...]) -> list[Coordinate]:
    """A mark of each level; two rows of different levels are as far apart as two of different yes and no."""
    taken = levels[:1] if len(levels) == 2 else levels
    scale = 1.0 if len(taken) == 1 else float(np.sqrt(2))
    return [Coordinate(feature.name, "level", at, level, scale=scale) for level in taken]


def _of_missing(feature: Feature, at: int, values: Floats) -> list[Coordinate]:
    share = float(np.isnan(values).mean())
    return [Coordinate(feature.name, "missing", at)] if LEAST_MISSING <= share < 1 else []


def _of_number(feature: Feature, at: int, values: Floats) -> list[Coordinate]:
    """A number on its robust scale; a yes or no stays 0 or 1. A missing one stands at the median."""
    known = values[np.isfinite(values)]
    if not len(known) or known.min() == known.max():
        return []
    if feature.type == "boolean":
        middle = float(np.median(known))
        return [Coordinate(feature.name, "number", at, missing=middle)]
    amounts = feature.type != "date" and float((known < 0).mean()) <= FEW_NEGATIVE
    log = amounts and _skewness(known) > SKEWED
    shown = _signed_log(known) if log else known
    if log and abs(_skewness(shown)) >= _skewness(known):
        log, shown = False, known
    low, middle, high = np.quantile(shown, (0.25, 0.5, 0.75))
    scale = float(high - low) / QUARTILES or float(shown.std())
    return [Coordinate(feature.name, "number", at, log=log, center=float(middle), scale=scale)]


def _signed_log(values: Floats) -> Floats:
    """log(1 + x), of a refund as far below 0: as `LearnedFeature.log` has it."""
    return np.copysign(np.log1p(np.abs(values)), values)


def _skewness(values: Floats) -> float:
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def _numbers(column: pl.Series, levels: tuple[str, ...]) -> Floats:
    if levels:
        codes = {level: float(code) for code, level in enumerate(levels)}
        return (
            column.cast(pl.String)
            .replace_strict(codes, default=OTHER_LEVEL, return_dtype=pl.Float64)
            .set(column.is_null(), None)
            .to_numpy()
            .astype(np.float64)
        )
    if column.dtype.is_temporal():
        column = column.cast(pl.Datetime("us")).dt.epoch("us") / 86_400_000_000
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
