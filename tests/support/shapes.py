"""Customers of made-up shapes, with and without clusters, as `penchant discover` takes them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build.discovery_rows import DiscoveryRows
from features.spec.feature import Feature

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def of_numbers(rows: Floats) -> DiscoveryRows:
    """Numbers as customers."""
    table = pl.DataFrame({f"f{at}": rows[:, at] for at in range(rows.shape[1])})
    features = tuple(Feature(name, "number") for name in table.columns)
    return DiscoveryRows(table, features, (), (None,), False, "", "")


def blobs(random: np.random.Generator, count: int = 300) -> tuple[Floats, Integers]:
    """Three round groups of unequal sizes."""
    which = random.choice(3, count, p=[0.6, 0.25, 0.15])
    centers = np.array([[0.0, 0, 0], [8, 0, 0], [0, 8, 8]])
    return centers[which] + random.normal(size=(count, 3)), which


def gapped(random: np.random.Generator, count: int = 300) -> tuple[Floats, Integers]:
    """A gap in one of four columns, nothing in the others."""
    which = random.integers(0, 2, count)
    rows = random.normal(size=(count, 4))
    rows[:, 2] = 0.4 * random.normal(size=count) + 4 * which
    return rows, which


def rings(random: np.random.Generator, count: int = 300) -> tuple[Floats, Integers]:
    """A ring around another."""
    which = random.integers(0, 2, count)
    angle, radius = random.uniform(0, 2 * np.pi, count), np.where(which, 1.0, 0.35) + random.normal(size=count) * 0.03
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), which
