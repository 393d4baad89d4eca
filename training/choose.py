"""Which candidate to train: the simplest within one paired standard error of the best validation log-loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.types import Feature
from training.calibrate import fit_calibration
from training.candidates import Fit, Lesson, fit_xgboost
from training.errors import CalibrationError, NothingLearned
from training.evaluate import row_losses
from training.learn import Taught, contend, teach
from training.split import labels, learning_parts, share_out

FOLDS = 3
LINEAR = ("recency", "rfm_logit", "logit")
SMALL = 200  # learning rows of the rarer class below which only linear candidates compete
SEARCHED_CELLS = 5_000_000  # cells the search may fit in all; bounded by work, not by a clock, so that it repeats
MOST_TRIALS = 8
SEEDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Choice:
    """The winner, and how all candidates did on the same validation rows."""

    kind: str
    tuned: Mapping[str, Any] = field(default_factory=dict)  # what the search found for boosting
    losses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # log_loss, behind, standard_error
    folds: int = 0
    rows: int = 0


def choose(
    rows: pl.DataFrame, features: Sequence[Feature], fits: Mapping[str, Fit], *, label_event: str | None, seed: int
) -> Choice:
    """Fits every candidate on the same folds of the learning rows and names the winner.

    Raises:
        NothingLearned: No candidate could be calibrated.
    """
    if is_small(rows):
        fits = {kind: fit for kind, fit in fits.items() if kind in LINEAR}
    losses: dict[str, list[Floats]] = {kind: [] for kind in fits}
    groups, tuned = [], {}
    done = folds(rows, seed=seed)
    for number, (learn, validate) in enumerate(done):
        taught = teach(features, *learning_parts(learn, None, seed=seed + number), label_event=label_event)
        if number == 0 and "xgboost" in fits:
            tuned = search(taught.lesson, seed=seed)
            fits = {**fits, "xgboost": partial(fit_xgboost, **tuned)}
        matrix, outcome = taught.matrix(validate), labels(validate)
        groups.append(validate["__group"].to_numpy())
        for kind in list(losses):
            loss = validation_loss(taught, fits[kind], matrix, outcome, seed=seed)
            losses[kind].append(loss) if loss is not None else losses.pop(kind)
    if not losses:
        raise NothingLearned("A model needs a feature that rises or falls with the outcome, got none that does.")
    table = compare({kind: np.concatenate(parts) for kind, parts in losses.items()}, np.concatenate(groups))
    return Choice(simplest(fits, table), tuned, table, len(done), sum(len(group) for group in groups))


def simplest(fits: Mapping[str, Fit], table: Mapping[str, Mapping[str, float]]) -> str:
    """The first candidate that is no further behind the best than one paired standard error."""
    return next(kind for kind in fits if kind in table and table[kind]["behind"] <= table[kind]["standard_error"])


def tuned_fit(fits: Mapping[str, Fit], choice: Choice) -> dict[str, Fit]:
    """The candidates, boosting with what the search found."""
    return {**fits, "xgboost": partial(fit_xgboost, **choice.tuned)}


def is_small(rows: pl.DataFrame) -> bool:
    """Whether there are too few rows of the rarer class for trees to be worth their risk."""
    positives = float(labels(rows).sum())
    return min(positives, rows.height - positives) < SMALL


def folds(rows: pl.DataFrame, *, seed: int) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Pairs of rows to learn from and rows to validate on: rolling where there is time, else stratified thirds.

    A log with several train cutoffs validates on each later one by all before it, as the test will.
    """
    cutoffs = rows["__cutoff"].drop_nulls().unique().sort()
    if cutoffs.len() > 1:
        pairs = [
            (rows.filter(pl.col("__cutoff") < cutoff), rows.filter(pl.col("__cutoff") == cutoff))
            for cutoff in cutoffs[1:]
        ]
        return [pair for pair in pairs if all(_both_classes(part) for part in pair)] or _thirds(rows, seed)
    return _thirds(rows, seed)


def compare(losses: Mapping[str, Floats], group: NDArray[Any]) -> dict[str, dict[str, float]]:
    """Each candidate's mean loss, how far it is behind the best, and the paired standard error of that.

    Differences are summed by customer first, since a customer's rows at several cutoffs are no independent evidence
    (Liang and Zeger 1986).
    """
    means = {kind: float(loss.mean()) for kind, loss in losses.items()}
    best = min(means, key=lambda kind: means[kind])
    _, where = np.unique(group, return_inverse=True)
    return {
        kind: {
            "log_loss": means[kind],
            "behind": means[kind] - means[best],
            "standard_error": clustered_error(loss - losses[best], where),
        }
        for kind, loss in losses.items()
    }


def clustered_error(difference: Floats, where: NDArray[Any]) -> float:
    """The standard error of a mean whose rows come in groups; `where` is each row's group, 0, 1, ..."""
    sums = np.bincount(where, weights=difference - difference.mean())
    count = len(sums)
    return float(np.sqrt(count / max(count - 1, 1) * np.square(sums).sum()) / len(difference))


def search(lesson: Lesson, *, seed: int) -> dict[str, Any]:
    """Boosting parameters drawn by seed that beat the defaults on the stopping rows; {} where none surely does.

    "Surely" is by more than one paired standard error: the best of several draws is otherwise often the luckiest.
    """
    affordable = min(MOST_TRIALS, SEARCHED_CELLS // max(lesson.fit.size, 1))
    if not affordable:
        return {}
    random = np.random.default_rng(seed)
    trials = [_drawn(random) for _ in range(affordable)]
    default = _stopping_losses(lesson, {}, seed)
    losses = [_stopping_losses(lesson, trial, seed) for trial in trials]
    best = int(np.argmin([loss.mean() for loss in losses]))
    gain = default - losses[best]
    return trials[best] if gain.mean() > gain.std() / np.sqrt(len(gain)) else {}


def _stopping_losses(lesson: Lesson, trial: Mapping[str, Any], seed: int) -> Floats:
    margin = fit_xgboost(lesson, seed, **trial).model().margin(lesson.stop).astype(np.float64)
    return np.asarray(np.logaddexp(0.0, margin) - lesson.stop_labels * margin)


def median_seed(taught: Taught, fit: Fit, *, seed: int) -> int:
    """Of several seeds the one whose calibrated stopping loss is the median, so that a lucky one never wins."""
    count = max(1, min(SEEDS, 4 * SEARCHED_CELLS // max(taught.lesson.fit.size, 1)))
    seeds = [seed + 1000 * number for number in range(count)]
    scores = [_stopping_loss(taught.lesson, fit, one) for one in seeds]
    return seeds[int(np.argsort(scores, kind="stable")[len(seeds) // 2])]


def _stopping_loss(lesson: Lesson, fit: Fit, seed: int) -> float:
    margin = fit(lesson, seed).model().margin(lesson.stop)
    try:
        probability = fit_calibration(margin, lesson.stop_labels).probability(margin)
    except CalibrationError:
        return float("inf")
    return float(row_losses(lesson.stop_labels, probability).mean())


def validation_loss(
    taught: Taught, fit: Fit, matrix: NDArray[np.float32], outcome: Floats, *, seed: int
) -> Floats | None:
    """The row losses of a candidate on rows it has not seen; None where it cannot be calibrated."""
    try:
        return row_losses(outcome, contend(taught, fit, seed=seed).probability(matrix))
    except CalibrationError:
        return None


def _thirds(rows: pl.DataFrame, seed: int) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    part = share_out(rows, (1.0,) * FOLDS, seed=seed + 2)
    return [(rows.filter(part != fold), rows.filter(part == fold)) for fold in range(FOLDS)]


def _both_classes(rows: pl.DataFrame) -> bool:
    return 0 < labels(rows).sum() < rows.height


def _drawn(random: np.random.Generator) -> dict[str, Any]:
    return {
        "eta": float(random.choice([0.05, 0.08, 0.12])),
        "max_depth": int(random.integers(2, 7)),
        "min_child_weight": float(random.choice([3.0, 10.0, 30.0])),
        "subsample": float(random.choice([0.6, 0.8, 1.0])),
        "colsample_bytree": float(random.choice([0.5, 0.8, 1.0])),
        "lambda": float(random.choice([1.0, 5.0, 20.0])),
    }
