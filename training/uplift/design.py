"""Whether chance alone drew who was treated: as many as were to be, and none that their features give away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import binomtest, mannwhitneyu

from features.config.use_case import Treatment
from features.errors import DataError
from features.tables.learning_table import TREATED
from scoring.bundle.uplift_part import TreatmentBalance
from training.data.split import learning_parts
from training.errors import CalibrationError
from training.fitting.fit import contend, teach
from training.fitting.lesson import Fit
from training.task import Task
from training.uplift.cross_fit import DEALT, dealt

UNLIKELY = 0.001  # the p below which a share, or what features tell of the treatment, is no chance; as for campaigns

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Design:
    """A campaign's rows by arm, and the share that was drawn to be treated: the propensity of every row."""

    treated: NDArray[np.bool_]  # by row
    share: float
    balance: TreatmentBalance


def design_of(task: Task, rows: pl.DataFrame, treatment: Treatment, fits: dict[str, Fit]) -> Design:
    """The design of a campaign whose arms were drawn at random.

    Args:
        task: The training.
        rows: All of the campaign, with `__treated`.
        treatment: What the use case says of it.
        fits: The learners that look for what the treatment depends on.

    Raises:
        DataError: Other shares were treated than were drawn, or features give the treatment away.
    """
    treated = rows[TREATED].to_numpy() == 1
    share = float(treated.mean()) if treatment.share is None else treatment.share
    balance = balance_of(task, rows, fits)
    broken = []
    drawn = float(binomtest(int(treated.sum()), len(treated), share).pvalue)
    if drawn < UNLIKELY:
        broken.append(
            f"treatment.share: of {len(treated):,} rows {share:.3g} were to be treated, got {treated.mean():.3g} "
            f"(p = {drawn:.1g}): the arms were not drawn so, or rows of one are missing"
        )
    if balance.p < UNLIKELY:
        broken.append(
            f"treatment: the treatment must be drawn by chance alone, features tell it "
            f"(ROC-AUC {balance.roc_auc:.3f}, p = {balance.p:.1g}): a column known only after it must be excluded, "
            "and where customers were chosen nothing can be learned of the effect"
        )
    if broken:
        raise DataError(task.use_case.file, broken)
    return Design(treated, share, balance)


def balance_of(task: Task, rows: pl.DataFrame, fits: dict[str, Fit]) -> TreatmentBalance:
    """How well any of the learners ranks rows by their chance to have been treated, on rows dealt after those it met.

    One-sided Mann-Whitney tests of the ranks, added up (Stouffer 1949), corrected for the number of learners.
    """
    asked = rows.with_columns(pl.col(TREATED).alias("__label"))  # the treatment in the place of the outcome
    fold, later = dealt(asked, seed=task.seed + 3), range(1, len(DEALT))
    found = {kind: [_ranked(task, asked, fold, number, fit) for number in later] for kind, fit in fits.items()}
    scores = {kind: sum(z for z, _ in folds) / np.sqrt(len(folds)) for kind, folds in found.items()}
    surest = max(scores, key=lambda kind: scores[kind])
    p = min(1.0, len(fits) * _normal_tail(float(scores[surest])))
    return TreatmentBalance(p=p, roc_auc=max(float(np.mean([area for _, area in one])) for one in found.values()))


def _ranked(task: Task, rows: pl.DataFrame, fold: NDArray[np.int64], number: int, fit: Fit) -> tuple[float, float]:
    """The standard normal of the ranks of treated rows among the judged, and their ROC-AUC."""
    judged = fold == number
    parts = learning_parts(rows.filter(fold < number), None, seed=task.seed)
    taught = teach(task.table.features, *parts, label_event=None)
    try:
        probability = contend(taught, fit, seed=task.seed).probability(taught.matrix(rows.filter(judged)))
    except CalibrationError:  # nothing rises with the treatment, as it should be
        return 0.0, 0.5
    treated = rows.filter(judged)[TREATED].to_numpy() == 1
    test = mannwhitneyu(probability[treated], probability[~treated], alternative="greater", method="asymptotic")
    area = float(test.statistic) / (int(treated.sum()) * int((~treated).sum()))
    return _normal_quantile(float(test.pvalue)), area


def _normal_quantile(p: float) -> float:
    return float(-ndtri(min(max(p, 1e-300), 1 - 1e-16)))


def _normal_tail(z: float) -> float:
    return float(ndtr(-z))
