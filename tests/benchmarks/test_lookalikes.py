"""Fifty future big spenders of CDNOW find the others; `make lookalikes` takes the mean of twenty draws."""

from __future__ import annotations

from benchmarks.lookalikes import LEAST, means, spenders


def test_a_seed_of_big_spenders_finds_others_better_than_its_centroid() -> None:
    """Two draws: as well as twenty must, and well beyond the distance to the mean of the seed."""
    found = means(spenders(), 2)

    (area, lift), (centroid, nearest) = found["look-alike"], found["centroid"]
    assert area >= LEAST["roc_auc"]
    assert lift >= LEAST["lift_at_10"]
    assert area - centroid > 0.08
    assert lift / nearest > 1.5
