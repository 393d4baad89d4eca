"""Warnings that nearly all customers would get, which say something of the model rather than of any one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from features.spec.feature import Feature
from scoring.bundle.manifest import UsualWarning
from scoring.encoding.encoder import Encoder

NEARLY_ALL = 0.95  # share of rows
SAMPLE = 10_000  # rows of each table that are looked at, evenly spread where there are more


def usual_warnings(encoder: Encoder, *tables: pl.DataFrame) -> tuple[UsualWarning, ...]:
    """The warnings that at least 95% of the rows of one of the tables have, in the order of the features."""
    shares: dict[tuple[str, str], float] = {}
    for rows in tables:
        for warning, share in _shares(encoder, rows).items():
            shares[warning] = max(share, shares.get(warning, 0.0))
    return tuple(
        UsualWarning(code, feature, round(share, 4))
        for (feature, code), share in sorted(shares.items(), key=lambda one: _place(encoder.features, one[0]))
        if share >= NEARLY_ALL
    )


def _shares(encoder: Encoder, rows: pl.DataFrame) -> dict[tuple[str, str], float]:
    """The share of rows that have each warning, by feature and code."""
    looked_at = rows.select(feature.name for feature in encoder.features).gather_every(max(rows.height // SAMPLE, 1))
    encoded = encoder.table(looked_at.to_arrow(compat_level=pl.CompatLevel.oldest()))
    counts = Counter((note["feature"], note["code"]) for notes in encoded.warnings.values() for note in notes)
    return {warning: count / looked_at.height for warning, count in counts.items()}


def _place(features: Sequence[Feature], warning: tuple[str, str]) -> tuple[int, str]:
    feature, code = warning
    return next(place for place, each in enumerate(features) if each.name == feature), code
