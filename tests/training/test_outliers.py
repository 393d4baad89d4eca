"""Unusual rows are flagged by three detectors, and no row is lost."""

from __future__ import annotations

import numpy as np
import polars as pl

from features.types import Feature
from training.learn import Taught, teach
from training.outliers import DETECTORS, unusual

FEATURES = (Feature("x", "number"), Feature("y", "number"), Feature("flat", "number"), Feature("c", "category"))


def rows(count: int, *, seed: int) -> pl.DataFrame:
    """Two numbers that rise together, with gaps; one that never varies; a category."""
    random = np.random.default_rng(seed)
    x = random.normal(size=count)
    frame = pl.DataFrame(
        {"x": x, "y": x + random.normal(0, 0.1, count), "flat": 1.0, "c": random.choice(["a", "b"], count)}
    )
    gap = pl.when(pl.Series(random.random(count) < 0.05)).then(None).otherwise("x").alias("x")
    return frame.with_columns(gap, __label=pl.Series(random.integers(0, 2, count), dtype=pl.Int8))


def taught() -> Taught:
    """What 600 usual rows have shown."""
    fit, stop, calibrate = (rows(count, seed=count) for count in (600, 50, 51))
    return teach(FEATURES, fit, stop, calibrate, label_event=None)


def test_each_detector_finds_what_it_is_for() -> None:
    """Values far away are found by all; a pair that is only unusual together by its density alone."""
    known = taught()
    usual = known.matrix(rows(300, seed=9))
    far, odd = usual[:40].copy(), usual[:40].copy()
    far[:, :2] += 50
    odd[:, 0], odd[:, 1] = 1.0, -1.0
    label = np.r_[np.zeros(300), np.ones(40)]
    probability = np.full(340, 0.4)

    with_far = unusual(known, np.concatenate([usual, far]), label, probability, seed=1)
    with_odd = unusual(known, np.concatenate([usual, odd]), label, probability, seed=1)
    alone = unusual(known, usual, label[:300], probability[:300], seed=1)

    assert tuple(with_far) == DETECTORS
    for name in DETECTORS:
        assert with_far[name]["rows"] == alone[name]["rows"] + 40
        assert with_far[name]["looked_at"] == 340
    assert with_odd["lof"]["rows"] == alone["lof"]["rows"] + 40
    assert with_odd["iqr"]["rows"] == alone["iqr"]["rows"] < 20
    assert with_far["iqr"]["realised"] == 40 / with_far["iqr"]["rows"]


def test_without_numbers_nothing_is_said() -> None:
    """A table of categories has no distances."""
    parts = [rows(60, seed=seed).select("c", "__label") for seed in range(3)]
    known = teach(FEATURES[3:], *parts, label_event=None)

    assert unusual(known, known.lesson.fit, np.zeros(60), np.zeros(60), seed=1) == {}
