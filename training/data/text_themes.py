"""What texts are about: non-negative factors of the words that enough customers use. No model reads them.

A theme is known by its strongest words. Lee and Seung, Learning the parts of objects by non-negative matrix
factorization, Nature 401 (1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import NMF

from training.data.text_corpus import TextCorpus

MOST_THEMES, THEME_WORDS = 5, 5
PART = 1 / 3  # of a text's weights from which it writes of a theme: it may write of up to three


@dataclass(frozen=True, slots=True)
class TextThemes:
    """The themes of a column, the largest first."""

    words: tuple[tuple[str, ...], ...]  # the strongest of each theme, as they are shown
    written: NDArray[np.bool_]  # shape (texts, themes): which texts of the corpus write of which


def text_themes(corpus: TextCorpus, *, seed: int) -> TextThemes | None:
    """The themes of a corpus; None where it has too few words for two: one theme is all the words."""
    count = min(MOST_THEMES, len(corpus.words) // THEME_WORDS, corpus.uses.shape[0])
    if count < 2:
        return None
    factors = NMF(count, init="nndsvda", max_iter=300, random_state=seed, tol=1e-3)
    weights = factors.fit_transform(corpus.uses)
    order = np.argsort(-weights.sum(axis=0), kind="stable")
    words = tuple(
        tuple(
            corpus.shown[corpus.words[at]]
            for at in np.argsort(-factors.components_[theme], kind="stable")[:THEME_WORDS]
        )
        for theme in order.tolist()
    )
    whole = weights.sum(axis=1, keepdims=True)
    return TextThemes(words, (weights[:, order] >= PART * whole) & (whole > 0))
