"""Which candidate to train: the simplest within one paired standard error of the best validation log-loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.spec.feature import Feature
from scoring.models.calibration import Calibration
from training.data.clusters import Clusters
from training.data.split import customers_by_class, labels, learning_parts, share_out
from training.errors import CalibrationError, NothingLearned
from training.evaluation.metrics import row_losses
from training.fitting.calibrate import level
from training.fitting.candidates import SMOOTH, Fit
from training.fitting.fit import Contender, Taught, contend, teach
from training.selection.settings_search import SearchedSettings, search_settings

FOLDS = 3
REPEATS = 3  # of stratified folds, each dealt anew
REPEATED_CELLS = 200_000  # cells of the learning rows up to which folds are repeated; more rows need it less
SMALL = 200  # customers of the rarer class in the learning rows below which only linear candidates compete

Floats = NDArray[np.float64]
Fold = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # rows to learn from, rows to validate on


@dataclass(frozen=True, slots=True)
class Made:
    """Candidates that were fitted, on the model's own parts, to be chosen from."""

    taught: Taught
    contenders: Mapping[str, Contender]


@dataclass(frozen=True, slots=True)
class Judged:
    """How a candidate did on rows it has not seen."""

    loss: Floats  # of each row, as predicted
    levelled: Floats  # of each row, were the outcome's overall rate known
    rises: bool  # whether its margin rises with the outcome


@dataclass(frozen=True, slots=True)
class Choice:
    """The winner, and how all candidates did on the same validation rows."""

    kind: str
    settings: SearchedSettings = field(default_factory=SearchedSettings)  # what the search found
    losses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # log_loss, behind, standard_error
    folds: int = 0
    rows: int = 0
    repeats: int = 1  # how often every validation row was predicted, each time by other rows
    made: Made | None = None  # where candidates were fitted once: what is left to do is to serve the winner


def choose(
    rows: pl.DataFrame,
    features: Sequence[Feature],
    fits: Mapping[str, Fit],
    *,
    label_event: str | None,
    seed: int,
    asked: str | None = None,
) -> Choice:
    """Fits every candidate on the same folds of the learning rows and names the winner: the one asked for, if any.

    Their losses are levelled: a rate that moved between two cutoffs costs a candidate the more the surer it is, and one
    that tells little would win by it. The rate of the test is known to none of them.

    Raises:
        NothingLearned: No candidate's margin rises with the outcome in most folds.
    """
    if is_small(rows):
        fits = {kind: fit for kind, fit in fits.items() if kind in SMOOTH or kind == asked}
    losses, times = {kind: np.zeros(rows.height) for kind in fits}, np.zeros(rows.height, dtype=np.int64)
    settings = SearchedSettings()
    done, risen = folds(rows, width=len(features), seed=seed), dict.fromkeys(fits, 0)
    for number, (learn, validate) in enumerate(done):
        taught = teach(features, *learning_parts(rows.filter(learn), None, seed=seed + number), label_event=label_event)
        if number == 0:
            settings = search_settings(taught.lesson, fits, seed=seed)
            fits = settings.of(fits)
        judged = rows.filter(validate)
        matrix, outcome = taught.matrix(judged), labels(judged)
        times += validate
        for kind in losses:
            seen = judge(taught, fits[kind], matrix, outcome, seed=seed)
            losses[kind][validate] += seen.levelled
            risen[kind] += seen.rises
    losses = {kind: loss for kind, loss in losses.items() if 2 * risen[kind] > len(done)}
    if not losses:
        raise NothingLearned("A model needs a feature that rises or falls with the outcome, got none that does.")
    met = times > 0
    table = compare({kind: loss[met] / times[met] for kind, loss in losses.items()}, rows["__group"].to_numpy()[met])
    repeats = int(times.max())
    return Choice(winner(fits, table, asked), settings, table, len(done) // repeats, int(met.sum()), repeats)


def winner(fits: Mapping[str, Fit], table: Mapping[str, Mapping[str, float]], asked: str | None) -> str:
    """The candidate asked for, else the first that is no further behind the best than one paired standard error.

    Raises:
        NothingLearned: The candidate asked for could not be calibrated.
    """
    if asked is not None:
        if asked not in table:
            raise NothingLearned(f"The candidate asked for must rise with the outcome, {asked!r} does not.")
        return asked
    return next(kind for kind in fits if kind in table and table[kind]["behind"] <= table[kind]["standard_error"])


def tuned_fit(fits: Mapping[str, Fit], choice: Choice) -> dict[str, Fit]:
    """The candidates with the settings that the search found."""
    return choice.settings.of(fits)


def is_small(rows: pl.DataFrame) -> bool:
    """Whether there are too few customers of the rarer class for trees to be worth their risk."""
    return min(customers_by_class(rows)) < SMALL


def folds(rows: pl.DataFrame, *, width: int, seed: int, repeats: int = REPEATS) -> list[Fold]:
    """Which rows to learn from and which to validate on: rolling where there is time, else repeated stratified thirds.

    A log with several train cutoffs validates on each later one by all before it, as the test will. Rows of few enough
    cells, `width` a row, are dealt into thirds `repeats` times, so that each is validated on as often.
    """
    cutoff, outcome = rows["__cutoff"], labels(rows)
    rolling = [
        ((cutoff < moment).fill_null(value=False).to_numpy(), (cutoff == moment).fill_null(value=False).to_numpy())
        for moment in cutoff.drop_nulls().unique().sort()[1:]
    ]
    repeats = repeats if rows.height * width <= REPEATED_CELLS else 1
    thirds = [pair for repeat in range(repeats) for pair in _thirds(rows, seed + 1000 * repeat)]
    return [pair for pair in rolling if all(0 < outcome[part].mean() < 1 for part in pair)] or thirds


def compare(losses: Mapping[str, Floats], group: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Each candidate's mean loss, how far it is behind the best, and the paired standard error of that.

    Differences are summed by customer first, since a customer's rows at several cutoffs are no independent evidence
    (Liang and Zeger 1986).
    """
    means = {kind: float(loss.mean()) for kind, loss in losses.items()}
    best = min(means, key=lambda kind: means[kind])
    clusters = Clusters.of(group)
    return {
        kind: {
            "log_loss": means[kind],
            "behind": means[kind] - means[best],
            "standard_error": clusters.error(loss - losses[best]),
        }
        for kind, loss in losses.items()
    }


def judge(taught: Taught, fit: Fit, matrix: NDArray[np.float32], outcome: Floats, *, seed: int) -> Judged:
    """A candidate, fitted on what is taught, on rows it has not seen.

    Where its margin does not rise with the outcome, the best that a calibration may do is a slope of 0: the base rate
    for everyone. Of a rare class a fold's calibration rows may hold a handful, and their chance says nothing of the
    candidate.
    """
    try:
        probability, rises = contend(taught, fit, seed=seed).probability(matrix), True
    except CalibrationError:
        probability, rises = np.full(len(outcome), taught.calibrate_labels.mean()), False
    loss = row_losses(outcome, probability)
    if not 0 < outcome.mean() < 1:
        return Judged(loss, loss, rises)
    log_odds = np.log(probability) - np.log1p(-probability)
    levelled = Calibration(1.0, level(log_odds, outcome)).probability(log_odds)
    return Judged(loss, row_losses(outcome, levelled), rises)


def _thirds(rows: pl.DataFrame, seed: int) -> list[Fold]:
    part = share_out(rows, (1.0,) * FOLDS, seed=seed + 2)
    return [(part != fold, part == fold) for fold in range(FOLDS)]
