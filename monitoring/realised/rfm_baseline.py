"""The trade's own model beside the one in service: a logistic regression on recency, frequency, money and tenure.

A bundle does not hold the one that training compared with, so it is fitted anew: on the latest earlier day of the use
case whose outcome was known when the day was scored, as a shop would have. Where there is none it is fitted on the
other folds of the day's own customers, which lets it know the season it is judged by: it is then a hard bar.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from features.tables.outcome_schema import OUTCOME
from monitoring.realised.quality import FEWEST
from scoring.health.matured_windows import BaselineQuality

FOLDS = 5
LEAST_PROBABILITY = 1e-7
_Z = 1.959963984540054

Floats = NDArray[np.float64]


def rfm_quality(rows: pl.DataFrame, earlier: pl.DataFrame | None) -> BaselineQuality | None:
    """The baseline on the same rows, and what the model gains over it; None without RFM features or with too few rows.

    Args:
        rows: Of one day and version, each with its outcome.
        earlier: Those of the day to learn from; None where no earlier day was known.
    """
    columns = [name for name in rows.columns if name.startswith("rfm_")]
    rows = rows.filter(pl.any_horizontal(pl.col(columns).is_not_null())) if columns else rows.head(0)
    if not _enough(rows):
        return None
    if earlier is not None and set(columns) <= set(earlier.columns) and _enough(earlier):
        return _beside(rows, _predicted(earlier, rows, columns), "earlier")
    fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    crossed = np.empty(len(rows))
    for number in range(FOLDS):
        mine = pl.Series(fold == number)
        learned = rows.filter(~mine)
        if learned[OUTCOME].n_unique() < 2:
            return None
        crossed[fold == number] = _predicted(learned, rows.filter(mine), columns)
    return _beside(rows, crossed, "crossed")


def _enough(rows: pl.DataFrame) -> bool:
    positives = int(rows[OUTCOME].sum())
    return min(positives, len(rows) - positives) >= FEWEST


def _predicted(learned: pl.DataFrame, rows: pl.DataFrame, columns: Sequence[str]) -> Floats:
    """Probabilities of rows by a ridge logistic regression on others, of standardised logarithms."""
    known, asked = (_matrix(frame, columns) for frame in (learned, rows))
    centre, spread = known.mean(axis=0), known.std(axis=0)
    spread[spread == 0] = 1.0
    model = LogisticRegression(max_iter=500).fit((known - centre) / spread, learned[OUTCOME].to_numpy())
    found: Floats = model.predict_proba((asked - centre) / spread)[:, 1]
    return np.clip(found, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)


def _matrix(rows: pl.DataFrame, columns: Sequence[str]) -> Floats:
    """Each number as log(1 + x), with a second column that says where it is missing."""
    values = rows.select(columns).to_numpy().astype(np.float64)
    missing = np.isnan(values)
    return np.hstack([np.where(missing, 0.0, np.sign(values) * np.log1p(np.abs(values))), missing.astype(np.float64)])


def _beside(rows: pl.DataFrame, baseline: Floats, method: str) -> BaselineQuality:
    label, model = (
        rows[OUTCOME].to_numpy(),
        np.clip(rows["probability"].to_numpy(), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY),
    )
    theirs, ours = _losses(label, baseline), _losses(label, model)
    better = theirs - ours
    reach = _Z * float(better.std(ddof=1)) / len(better) ** 0.5
    gain = float(better.mean())
    return BaselineQuality(
        method=method,
        roc_auc=float(roc_auc_score(label, baseline)),
        log_loss=float(theirs.mean()),
        gain=gain,
        gain_interval=(gain - reach, gain + reach),
    )


def _losses(label: NDArray[np.int8], probability: Floats) -> Floats:
    return -np.where(label == 1, np.log(probability), np.log1p(-probability))
