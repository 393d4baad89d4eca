"""Synthetic rows that travel with a bundle: each column drawn alone, so that no row is a customer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NotRequired, TypedDict

import numpy as np
import polars as pl

from features.spec.feature import Feature, Scalar
from scoring.bundle.scorer import Scorer

ROWS = 64
QUANTILES = 101
CLEARANCE = 1e-5  # of every probability from every threshold
TRIES = 50
SHARED_BY = (
    10  # rows at an end of what is drawn, or beyond it: a value further out would say something of few customers
)

SyntheticRow = Mapping[str, Scalar]  # features by name


class GoldenLine(TypedDict):
    """A line of `golden.jsonl`."""

    features: SyntheticRow
    probability: float
    band: str
    uplift: NotRequired[float]  # where the bundle serves the effect of a contact
    value: NotRequired[float]  # where it serves what customers will bring


def synthetic_rows(features: Sequence[Feature], rows: pl.DataFrame, *, seed: int, count: int) -> list[SyntheticRow]:
    """Rows as they could be posted: each value a training quantile of its own column, a gap as often as there.

    No number or moment is further out than that of the tenth row from either end, or than the median of fewer rows.
    """
    random = np.random.default_rng(seed)
    columns = {feature.name: _draw(feature, rows[feature.name], random, count) for feature in features}
    return [{name: values[row] for name, values in columns.items()} for row in range(count)]


def golden_rows(scorer: Scorer, rows: pl.DataFrame, *, seed: int) -> bytes:
    """`golden.jsonl`: synthetic rows with their probability and band, none within 1e-5 of a threshold.

    Raises:
        ValueError: Every synthetic row lies on a threshold.
    """
    kept: list[bytes] = []
    for attempt in range(TRIES):
        for row in synthetic_rows(scorer.bundle.features, rows, seed=seed + attempt, count=ROWS):
            line = _scored(scorer, row)
            if all(abs(line["probability"] - threshold) > CLEARANCE for threshold in scorer.bundle.ladder.thresholds):
                kept.append(_line(line))
        if len(kept) >= ROWS:
            return b"".join(kept[:ROWS])
    if not kept:
        raise ValueError("Golden rows must lie off the thresholds, got none that does.")
    return b"".join(kept)


def _scored(scorer: Scorer, row: SyntheticRow) -> GoldenLine:
    encoded, errors, _ = scorer.encoder.row(row)
    if errors:
        raise ValueError(f"A synthetic row must be valid, got {len(errors)} broken rules: {errors[0]['detail']}")
    scored = scorer.score(np.asarray([encoded]))
    line: GoldenLine = {
        "features": row,
        "probability": float(scored.probability[0]),
        "band": scorer.bundle.ladder.codes[int(scored.rung[0])],
    }
    effects = scorer.uplift(np.asarray([encoded]), scored.margin)
    if effects is not None:
        line["uplift"] = float(effects.uplift[0])
    values = scorer.value(np.asarray([encoded]))
    if values is not None:
        line["value"] = float(values.expected[0])
    return line


def _draw(feature: Feature, column: pl.Series, random: np.random.Generator, count: int) -> list[Scalar]:
    known = column.drop_nulls()
    gap = random.random(count) < column.null_count() / max(column.len(), 1)
    if not known.len():
        return [None] * count
    values = _quantiles(feature, known)
    drawn = [values[int(position)] for position in random.integers(0, len(values), count)]
    return [None if missing else value for missing, value in zip(gap, drawn, strict=True)]


def _quantiles(feature: Feature, known: pl.Series) -> list[Scalar]:
    """Values of one column at even steps of its order (levels in the order of their names, as often as they occur)."""
    ordered, beyond = known.sort(), 0 if feature.type in ("category", "boolean") else SHARED_BY - 1
    if feature.type == "category":
        ordered = ordered.filter(ordered.is_in(list(feature.levels))) if feature.levels else ordered.head(0)
    if not ordered.len():
        return [None]
    beyond = min(beyond, (ordered.len() - 1) // 2)
    picked = ordered.gather(np.linspace(beyond, ordered.len() - 1 - beyond, QUANTILES).astype(np.int64)).to_list()
    return [_json(value) for value in picked]


def _json(value: Any) -> Scalar:
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.isoformat().replace("+00:00", "Z")
    scalar: Scalar = value.isoformat() if isinstance(value, date) else value
    return scalar


def _line(document: GoldenLine) -> bytes:
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False).encode() + b"\n"
