"""What a segmentation's groups are like: profiles against all customers, and how often the outcome came later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from msgspec import UNSET
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.reasons.persona_names import Distinguishing
from scoring.segments.learned import LearnedFeature, LearnedSegments
from scoring.segments.personas import FEWEST, GroupRate, GroupSheet, GroupTheme, PersonaSheets, ProfiledFeature

DIGITS = 6  # significant ones of what a sheet holds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LaterOutcomes:
    """What was realised of a group's members out of time."""

    rates: Mapping[str, GroupRate]  # by code
    differ: bool  # whether the groups' rates differ surely, in the same order at two cutoffs
    base_rate: float | None = None
    outcome: Mapping[str, str] | None = None  # what came or not, by language


@dataclass(frozen=True)
class GroupedRows:
    """Customers and the clusters they are in."""

    rows: pl.DataFrame  # of the features
    scaled: Floats  # shape (rows, coordinates)
    which: Ints  # positions of clusters


def sheets(
    grouped: GroupedRows,
    learned: LearnedSegments,
    features: Sequence[Feature],
    outcomes: LaterOutcomes | None,
    themes: Mapping[str, tuple[GroupTheme, ...]],
) -> PersonaSheets:
    """The sheets of all groups, in the order of their codes; of fewer than twenty customers there is but the size.

    `themes` are those that each group's members write of, by code.
    """
    differences = _differences(grouped, learned)
    columns = {name: grouped.rows[name] for name in learned.names}
    types = {feature.name: feature.type for feature in features}
    found = []
    for position, code in enumerate(learned.codes):
        members = grouped.which == position
        size = int(members.sum())
        sheet = GroupSheet(code=code, size=size, share=size / max(len(members), 1))
        if size >= FEWEST:
            mask = pl.Series(members)
            order = sorted(range(len(learned.features)), key=lambda at: -abs(differences[position, at]))
            sheet = GroupSheet(
                code=code,
                size=size,
                share=sheet.share,
                profile=tuple(
                    _profiled(learned.features[at], columns, mask, float(differences[position, at])) for at in order
                ),
                typical={name: _middle(column.filter(mask), types[name]) for name, column in columns.items()},
                realised=_enough(outcomes, code),
                themes=themes.get(code) or UNSET,
            )
        found.append(sheet)
    return PersonaSheets(
        groups=tuple(found),
        differ=bool(outcomes and outcomes.differ),
        base_rate=outcomes.base_rate if outcomes else None,
        outcome=dict(outcomes.outcome or {}) if outcomes else {},
    )


def distinguishing(
    grouped: GroupedRows, learned: LearnedSegments, features: Sequence[Feature]
) -> dict[str, list[Distinguishing]]:
    """What parts each group from all customers, the most distinguishing first, by code."""
    by_name, differences = {feature.name: feature for feature in features}, _differences(grouped, learned)
    return {
        code: [
            Distinguishing(by_name[one.name], one.kind, one.level, float(row[at]))
            for at in sorted(range(len(row)), key=lambda at: -abs(row[at]))
            for one in (learned.features[at],)
        ]
        for code, row in zip(learned.codes, differences, strict=True)
    }


def _differences(grouped: GroupedRows, learned: LearnedSegments) -> Floats:
    """Means of groups less those of all, in standard deviations of all, shape (clusters, coordinates)."""
    mean, spread = grouped.scaled.mean(axis=0), grouped.scaled.std(axis=0)
    found = np.zeros((len(learned.codes), len(learned.features)))
    for position in range(len(found)):
        members = grouped.scaled[grouped.which == position]
        if len(members):
            found[position] = (members.mean(axis=0) - mean) / np.where(spread > 0, spread, 1.0)
    return found


def _enough(outcomes: LaterOutcomes | None, code: str) -> GroupRate | None:
    rate = outcomes.rates.get(code) if outcomes else None
    return rate if rate and rate.customers >= FEWEST else None


def _profiled(
    one: LearnedFeature, columns: Mapping[str, pl.Series], members: pl.Series, difference: float
) -> ProfiledFeature:
    column = columns[one.name]
    return ProfiledFeature(
        name=one.name,
        kind=one.kind,
        level=one.level,
        group=_shown(one, column.filter(members)),
        all=_shown(one, column),
        difference=_rounded(difference),
    )


def _shown(one: LearnedFeature, column: pl.Series) -> float | None:
    """The median of a number, the share of a level, of a yes or of missing values."""
    if one.kind == "missing":
        return _rounded(column.null_count() / max(column.len(), 1))
    if one.kind == "level":
        return _rounded(float((column.cast(pl.String) == one.level).fill_null(value=False).mean() or 0.0))  # type: ignore[arg-type]
    known = numbers(column)
    known = known[~np.isnan(known)]
    if not len(known):
        return None
    return _rounded(float(known.mean() if column.dtype == pl.Boolean else np.median(known)))


def _middle(column: pl.Series, kind: str) -> float | str | None:
    """The median of a number or the most frequent level; None where there is none that twenty customers have."""
    known = column.drop_nulls()
    if known.len() < FEWEST:
        return None
    if kind == "category":
        counted = known.cast(pl.String).alias("level").value_counts().sort(["count", "level"], descending=[True, False])
        return str(counted["level"][0]) if counted["count"][0] >= FEWEST else None
    return _rounded(float(np.median(numbers(known))))


def numbers(column: pl.Series) -> Floats:
    """A column as numbers, missing ones NaN: dates in days since 1970-01-01, yes and no as 1 and 0."""
    if column.dtype.is_temporal():
        column = column.cast(pl.Datetime("us")).dt.epoch("us") / 86_400_000_000
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
