"""What values are said to be worth on customers that were not learned from."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.clusters import Clusters
from training.value.value_candidates import deviance
from training.value.value_figures import concentration, value_bands


def test_a_ranking_is_worth_what_it_concentrates() -> None:
    """1 is perfect, none is 0, the wrong way round is -1; customers of one prediction count as their mean."""
    spent = np.array([0.0, 0, 0, 5, 9])

    assert concentration(spent, spent) == pytest.approx(1)
    assert concentration(-spent, spent) == pytest.approx(-1)
    assert concentration(np.ones(5), spent) == pytest.approx(0)
    assert concentration(spent, np.zeros(5)) is None


def test_the_mean_of_a_band_lies_within_its_interval() -> None:
    """And so does what was expected, however far the band was off."""
    random = np.random.default_rng(0)
    expected = random.gamma(1, 20, 4000)
    spent = np.where(random.random(4000) < 0.2, 5 * expected * 1.3, 0.0)

    bands = value_bands(expected, spent, Clusters.apart(4000), seed=1)

    assert [band.floor for band in bands] == sorted(band.floor for band in bands)
    assert sum(band.rows for band in bands) == 4000
    for band in bands:
        assert band.low <= min(1, band.realised / band.predicted)
        assert max(1, band.realised / band.predicted) <= band.high


def test_the_deviance_is_least_at_the_mean() -> None:
    """Of a constant for all: what is expected of many who spend nothing and few who do is their mean."""
    spent = np.where(np.random.default_rng(0).random(1000) < 0.1, 40.0, 0.0)
    tried = spent.mean() * np.array([0.8, 0.95, 1.0, 1.05, 1.2])

    losses = [deviance(spent, np.full(1000, one)).mean() for one in tried]

    assert np.argmin(losses) == 2
