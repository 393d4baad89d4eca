"""Unusual rows are flagged by three detectors, and no row is lost."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from features.spec.feature import Feature
from training.diagnostics.outliers import DETECTORS, flags_of, unusual
from training.fitting.fit import Taught, teach

FEATURES = (Feature("x", "number"), Feature("y", "number"), Feature("flat", "number"), Feature("c", "category"))


def rows(count: int, *, seed: int) -> pl.DataFrame:
    """Two numbers that rise together, with gaps; one that never varies; a category."""
    random = np.random.default_rng(seed)
    x = random.normal(size=count)
    frame = pl.DataFrame(
        {"x": x, "y": x + random.normal(0, 0.1, count), "flat": 1.0, "c": random.choice(["a", "b"], count)}
    )
    gap = pl.when(pl.Series(random.random(count) < 0.05)).then(None).otherwise("x").alias("x")
    label = pl.Series(random.integers(0, 2, count), dtype=pl.Int8)
    no_cutoff = pl.lit(None, pl.Datetime("us", "UTC"))
    return frame.with_columns(gap, __label=label, __group=pl.int_range(pl.len()), __cutoff=no_cutoff)


def taught() -> Taught:
    """What 600 usual rows have shown."""
    fit, stop, calibrate = (rows(count, seed=count) for count in (600, 50, 51))
    return teach(FEATURES, fit, stop, calibrate, label_event=None)


def test_each_detector_finds_what_it_is_for() -> None:
    """Values far away are found by all; a pair that is only unusual together by its density alone."""
    usual = taught().matrix(rows(300, seed=9))[:, :3].astype(np.float64)
    far, odd = usual[:5] + np.array([50.0, 50.0, 0.0]), np.tile([1.0, -1.0, 1.0], (5, 1))

    flags = flags_of(np.concatenate([usual, far, odd]), seed=1)

    assert tuple(flags) == DETECTORS
    assert all(flag[300:305].all() and flag[:300].mean() < 0.2 for flag in flags.values())
    assert flags["lof"][305:].all()
    assert not flags["iqr"][305:].any()


def test_huge_and_nearly_equal_values_are_looked_at_without_a_warning() -> None:
    """Beside 1e30 and 1e-300 the detectors overflow nothing, and copies that differ in the last bit are one row."""
    random = np.random.default_rng(0)
    rows = np.stack([random.normal(size=200) * 1e-10, np.repeat([0.0, 1.0], 100) + np.arange(200) * 1e-16], axis=1)
    rows[3, 0], rows[60:120, 0] = 1e30, np.arange(60) * 1e-300

    flags = flags_of(rows, seed=0)

    assert all(flag[3] for flag in flags.values())


def test_flagged_rows_are_told_with_their_rates() -> None:
    """How many were looked at and flagged, what happened to the flagged, and what was predicted of them."""
    known = taught()
    matrix = known.matrix(rows(300, seed=9))
    matrix[:5, :2] += 50
    label = np.r_[np.ones(5), np.zeros(295)]

    told = unusual(known, matrix, label, np.full(300, 0.4), seed=1)["iqr"]

    assert told["looked_at"] == 300
    assert 5 <= told["rows"] < 30
    assert told["realised"] == 5 / told["rows"]
    assert told["predicted"] == pytest.approx(0.4)


def test_without_numbers_nothing_is_said() -> None:
    """A table of categories has no distances."""
    parts = [rows(60, seed=seed).select("c", "__label", "__cutoff", "__group") for seed in range(3)]
    known = teach(FEATURES[3:], *parts, label_event=None)

    assert unusual(known, known.lesson.fit, np.zeros(60), np.zeros(60), seed=1) == {}
