"""Which candidate to train: the simplest whose validation log-loss is within .2 % of the best.

One standard error of a small table would let simplicity cost much: it is the size of the table that would decide. What
simplicity costs stands in the report, with its standard error.
"""

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
from training.errors import NothingLearned
from training.fitting.blending import BLENDED, BlendFit
from training.fitting.candidates import SMOOTH, offered
from training.fitting.fit import Contender, Taught, teach
from training.fitting.lesson import Fit
from training.selection.blend_selection import SIMPLER, FoldMargins, best_blend, pool
from training.selection.crossing import FOLDS as CROSSED_FOLDS
from training.selection.crossing import REPEATS as CROSSED_REPEATS
from training.selection.crossing import crossed, predicted_outside_folds
from training.selection.judging import judge
from training.selection.settings_search import SearchedSettings, search_settings

FOLDS = 3
REPEATS = 3  # of stratified folds, each dealt anew
REPEATED_CELLS = 200_000  # cells of the learning rows up to which folds are repeated; more rows need it less
NOTHING_RISES = "A model needs a feature that rises or falls with the outcome, got none that does."
SMALL = 200  # customers of the rarer class in the learning rows below which only linear candidates compete

Floats = NDArray[np.float64]
Fold = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # rows to learn from, rows to validate on


@dataclass(frozen=True, slots=True)
class Made:
    """Candidates that were fitted, on the model's own parts, to be chosen from."""

    taught: Taught
    contenders: Mapping[str, Contender]


@dataclass(frozen=True, slots=True)
class Choice:
    """The winner, and how all candidates did on the same validation rows."""

    kind: str
    settings: SearchedSettings = field(default_factory=SearchedSettings)  # what the search found
    weights: Mapping[str, float] = field(default_factory=dict)  # of a blend's members; empty where none was found
    losses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # log_loss, behind, standard_error
    folds: int = 0
    rows: int = 0
    repeats: int = 1  # how often every validation row was predicted, each time by other rows
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)  # where predictions from outside folds tell
    made: Made | None = None  # where candidates were fitted once: what is left to do is to serve the winner

    @property
    def blended(self) -> bool:
        """Whether the winner is a blend."""
        return self.kind == BLENDED

    @property
    def cost(self) -> float:
        """How far the winner's validation log-loss is above the best candidate's: what simplicity costs."""
        return float(self.losses[self.kind]["behind"]) if self.kind in self.losses else 0.0


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
    fits = offered(fits, features, rows, asked)
    if not rows["__cutoff"].count():
        return _choose_crossed(rows, features, fits, seed=seed, asked=asked)
    settings, seen = SearchedSettings(), []
    done, half = folds(rows, width=len(features), seed=seed), share_out(rows, (0.5, 0.5), seed=seed + 3)
    for number, (learn, validate) in enumerate(done):
        taught = teach(features, *learning_parts(rows.filter(learn), None, seed=seed + number), label_event=label_event)
        if number == 0:
            settings = search_settings(taught.lesson, fits, seed=seed)
            fits = settings.of(fits)
        matrix, outcome = taught.matrix(rows.filter(validate)), labels(rows.filter(validate))
        found = {kind: judge(taught, fit, matrix, outcome, seed=seed) for kind, fit in fits.items()}
        seen.append(FoldMargins(taught.calibrate_labels, outcome, half[validate], found))
    losses = {
        kind: _by_row([fold.seen[kind].levelled for fold in seen], done)
        for kind in fits
        if 2 * sum(fold.seen[kind].rises for fold in seen) > len(seen)
    }
    if not losses:
        raise NothingLearned(NOTHING_RISES)
    blend = best_blend(seen, pool(losses))
    if blend is not None:
        losses[BLENDED] = _by_row(blend.losses, done)
    met = ~np.isnan(next(iter(losses.values())))
    table = compare({kind: loss[met] for kind, loss in losses.items()}, rows["__group"].to_numpy()[met])
    repeats = int(np.sum([validate for _, validate in done], axis=0).max())
    return Choice(
        winner(table, asked),
        settings,
        blend.weights if blend else {},
        table,
        len(done) // repeats,
        int(met.sum()),
        repeats,
    )


def _choose_crossed(
    rows: pl.DataFrame, features: Sequence[Feature], fits: Mapping[str, Fit], *, seed: int, asked: str | None
) -> Choice:
    """The same for a ready table, whose folds calibrate what they choose.

    Raises:
        NothingLearned: No candidate's margin rises with the outcome.
    """
    repeats = CROSSED_REPEATS if rows.height * len(features) <= REPEATED_CELLS else 1
    settings, margins = predicted_outside_folds(rows, features, fits, seed=seed, repeats=repeats)
    found = crossed(margins, rows, repeats=repeats, seed=seed)
    if not found.losses:
        raise NothingLearned(NOTHING_RISES)
    table = compare(found.losses, rows["__group"].to_numpy())
    weights = found.blend.weights if found.blend else {}
    kind = winner(table, asked)
    return Choice(kind, settings, weights, table, CROSSED_FOLDS, rows.height, repeats, found.calibrations)


def _by_row(losses: Sequence[Floats], done: Sequence[Fold]) -> Floats:
    """Each row's loss, over as many folds as it was validated in; NaN where in none."""
    total, times = np.zeros(len(done[0][1])), np.zeros(len(done[0][1]))
    for loss, (_, validate) in zip(losses, done, strict=True):
        total[validate] += loss
        times += validate
    total[times == 0] = np.nan
    return total / np.maximum(times, 1)


def winner(table: Mapping[str, Mapping[str, float]], asked: str | None) -> str:
    """The candidate asked for, else the first of the table, the simplest first, within .2 % of the best log-loss.

    Raises:
        NothingLearned: The candidate asked for could not be calibrated, or no two members of a blend help each other.
    """
    if asked is not None:
        if asked not in table:
            rule = "have members that help each other" if asked == BLENDED else "rise with the outcome"
            raise NothingLearned(f"The candidate asked for must {rule}, {asked!r} does not.")
        return asked
    best = min(one["log_loss"] for one in table.values())
    return next(kind for kind, one in table.items() if one["behind"] <= SIMPLER * best)


def tuned_fit(fits: Mapping[str, Fit], choice: Choice) -> dict[str, Fit]:
    """The candidates with the settings that the search found, and the blend with its weights."""
    tuned = choice.settings.of(fits)
    if choice.weights:
        tuned[BLENDED] = BlendFit({kind: tuned[kind] for kind in choice.weights}, choice.weights)
    return tuned


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


def _thirds(rows: pl.DataFrame, seed: int) -> list[Fold]:
    part = share_out(rows, (1.0,) * FOLDS, seed=seed + 2)
    return [(part != fold, part == fold) for fold in range(FOLDS)]
