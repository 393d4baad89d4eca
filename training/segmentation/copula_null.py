"""The same data without clusters: each margin as it is, the same rank correlation, nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
CORRECTIONS = 3  # rounds in which ties' effect on the correlation is made up for


class CopulaNull:
    """Draws rows whose columns have the very values of the data and its rank correlation (a normal copula).

    The values of each column are dealt out by the ranks of a normal draw (Iman and Conover 1982). Missing values are
    the lowest of a column, so that they stay as many, and stay linked to the rest.
    """

    def __init__(self, columns: Floats, generator: np.random.Generator) -> None:
        self._sorted = np.sort(np.where(np.isnan(columns), -np.inf, columns), axis=0)
        aim = _spearman(np.where(np.isnan(columns), -np.inf, columns))
        latent = 2 * np.sin(np.pi * aim / 6)
        for _ in range(CORRECTIONS):
            self._root = _root(latent)
            latent = np.clip(latent + aim - _spearman(self._dealt(generator)), -0.999, 0.999)
        self._root = _root(latent)

    def draw(self, generator: np.random.Generator) -> Floats:
        """As many rows as there were."""
        found = self._dealt(generator)
        return np.where(np.isneginf(found), np.nan, found)

    def _dealt(self, generator: np.random.Generator) -> Floats:
        normal = generator.standard_normal(self._sorted.shape) @ self._root.T
        places = np.argsort(np.argsort(normal, axis=0), axis=0)
        return np.take_along_axis(self._sorted, places, axis=0)


def _spearman(columns: Floats) -> Floats:
    """Correlations of the middle ranks."""
    ranks = rankdata(columns, axis=0)
    ranks -= ranks.mean(axis=0)
    size = np.sqrt((ranks**2).sum(axis=0))
    found = (ranks.T @ ranks) / np.outer(size, size)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def _root(correlation: Floats) -> Floats:
    """A root of the nearest matrix that is a correlation."""
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    root = vectors * np.sqrt(np.maximum(values, 1e-6))
    return np.asarray(root / np.sqrt((root**2).sum(axis=1, keepdims=True)))
