"""A segmentation of made-up customers, as `penchant discover` hands it over to be registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from features.spec.feature import Feature
from scoring.segments.learned import LearnedFeature, LearnedSegments
from scoring.segments.personas import GroupRate
from training.segmentation.group_gate import first_codes
from training.segmentation.register import LearnedSegmentation
from training.segmentation.sheets.group_sheets import LaterOutcomes

CENTERS = {"recency": (5.0, 60.0, 300.0), "orders": (40.0, 8.0, 1.0)}
FEATURES = (
    Feature("recency", "number", "recency", "days", event="purchase"),
    Feature("orders", "integer", "frequency", "purchases", event="purchase", window_days=365),
    Feature("country", "category", levels=("DE", "FR")),
)


def customers(count: int, *, seed: int = 0) -> pl.DataFrame:
    """Customers of three groups in turn, with some countries missing."""
    random = np.random.default_rng(seed)
    group = np.arange(count) % 3
    columns = {name: np.asarray(of)[group] * random.lognormal(0, 0.2, count) for name, of in CENTERS.items()}
    country = [
        None if missing else ("DE", "FR")[int(one)]
        for missing, one in zip(random.random(count) < 0.1, random.random(count) < 0.5, strict=True)
    ]
    return pl.DataFrame({**columns, "country": country})


def clusters_of(rows: pl.DataFrame, order: Sequence[int] = (0, 1, 2)) -> LearnedSegments:
    """The three groups as clusters in some order; what is scaled depends on the rows."""
    features, coordinates = [], []
    for name, of in CENTERS.items():
        logs = np.log1p(rows[name].to_numpy())
        features.append(LearnedFeature(name=name, log=True, center=float(np.median(logs)), scale=float(logs.std())))
        coordinates.append((np.log1p(of) - features[-1].center) / features[-1].scale)
    features.append(LearnedFeature(name="country", kind="level", level="FR"))
    features.append(LearnedFeature(name="country", kind="missing"))
    centroids = [(float(coordinates[0][at]), float(coordinates[1][at]), 0.5, 0.1) for at in order]
    codes = first_codes(len(centroids))
    labels = {code: {"en": code, "fr": code} for code in codes}
    return LearnedSegments(features=tuple(features), centroids=tuple(centroids), codes=codes, labels=labels)


def segmentation_of(
    rows: pl.DataFrame, order: Sequence[int] = (0, 1, 2), *, name: str = "habits"
) -> LearnedSegmentation:
    """All that is registered of these customers' groups."""
    learned = clusters_of(rows, order)
    rates = {
        code: GroupRate(0.1 * (at + 1), 0.1 * at, 0.1 * (at + 2), 100)
        for code, at in zip(learned.codes, order, strict=True)
    }
    return LearnedSegmentation(
        name=name,
        learned=learned,
        features=FEATURES,
        rows=rows,
        verdict="clusters",
        method="kmeans",
        source="log",
        data_digest=f"data {rows.height} {list(order)}",
        config_digest="config",
        report=b"<html></html>",
        seed=0,
        outcomes=LaterOutcomes(rates, differ=True, base_rate=0.2, outcome={"en": "buys", "fr": "achète"}),
    )


def without_groups(made: LearnedSegmentation) -> LearnedSegmentation:
    """The same, found to be nothing."""
    return replace(made, verdict="none", data_digest="none")
