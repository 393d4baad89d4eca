"""Does the season matter? Where the log is long enough, rows of a year earlier are tried and judged on validation.

Cutoffs step back by the prediction window, so that "a year earlier" is the step nearest to 365 days. The latest
training cutoff is predicted twice by the chosen candidate: taught by the cutoffs before it, and by those and the rows
a year before it. Where the second is better by more than one paired standard error, the model learns from the rows a
year before the test cutoff too, and the candidates are compared once more on that cutoff, so taught. The
test rows have no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build.log_table import rows_at
from features.config.use_case import LogUseCase, Window
from features.point_in_time.labels import Cutoffs
from training.data.split import Parts, clusters_of, labels, learning_parts
from training.data.text_words import with_marks_of
from training.fitting.fit import teach
from training.fitting.lesson import Fit
from training.selection.cross_validation import Choice, compare, tuned_fit, winner
from training.selection.judging import Judged, judge
from training.task import Task

YEAR = 365  # days

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Season:
    """What was asked of a year earlier, and what came of it; log-losses are of the validation cutoff."""

    asked: str  # tried, short (log), included (among the cutoffs anyway), single (none to judge by), unfit or none
    earlier: str | None = None  # the cutoff a year before the test cutoff, ISO date
    begins: str | None = None  # where the log would have to begin, or before, to try it
    judged_at: str | None = None
    without: float | None = None
    taken: float | None = None
    standard_error: float | None = None
    used: bool = False


def with_season(task: Task, parts: Parts, choice: Choice) -> tuple[Parts, Choice, Season]:
    """The rows to learn from, with those of a year earlier where they help, the candidate for them, and the answer."""
    season = possible(task)
    if season.asked != "tried" or task.table.cutoffs is None or not isinstance(task.use_case, LogUseCase):
        return parts, choice, season
    latest, back = task.table.cutoffs.train[-1], _back(task.use_case.window)
    moments = (latest - back, task.table.cutoffs.test - back)
    rows = with_marks_of(rows_at(task.use_case, moments, task.objectors), task.table.features)
    before, last_year = (rows.filter(pl.col("__cutoff") == moment) for moment in moments)
    trial = _trial(parts.learning, latest, seed=task.seed)
    fits = tuned_fit(task.candidates(), choice)
    try:
        without = _judged(task, trial, {choice.kind: fits[choice.kind]})[choice.kind].loss
        judged = _judged(task, joined(trial, before), {kind: fits[kind] for kind in fits if kind in choice.losses})
        taken = judged[choice.kind].loss
    except KeyError:
        return parts, choice, Season("unfit", season.earlier)
    error = clusters_of(trial.test).error(without - taken)
    used = float((without - taken).mean()) > error
    figures = (float(without.mean()), float(taken.mean()), error)
    season = Season("tried", season.earlier, None, latest.date().isoformat(), *figures, used)
    if not used:
        return parts, choice, season
    levelled = {kind: seen.levelled for kind, seen in judged.items()}
    table = compare(levelled, trial.test["__group"].to_numpy())
    kind = winner(table, task.use_case.candidate)
    again = Choice(kind, choice.settings, choice.weights, table, 1, trial.test.height)
    return joined(parts, last_year), again, season


def possible(task: Task) -> Season:
    """Whether there is a year earlier to try."""
    cutoffs = task.table.cutoffs
    if cutoffs is None or not isinstance(task.use_case, LogUseCase):
        return Season("none")
    window = task.use_case.window
    back, wait = _back(window), timedelta(days=window.gap + window.prediction)
    earlier = (cutoffs.test - back).date().isoformat()
    if len(cutoffs.train) < 2 or back < wait:
        return Season("single", earlier)
    if min(cutoffs.train) <= cutoffs.test - back:
        return Season("included", earlier)
    begins = cutoffs.train[-1] - back - timedelta(days=window.prediction)
    if datetime.fromisoformat(task.table.report["first_event"]).replace(tzinfo=begins.tzinfo) > begins:
        return Season("short", earlier, begins.date().isoformat())
    return Season("tried", earlier)


def joined(parts: Parts, rows: pl.DataFrame) -> Parts:
    """The parts with further rows, each beside its customer's others; customers met nowhere are fitted on."""
    group = rows["__group"]
    stops = group.is_in(parts.stop["__group"].implode())
    fits = group.is_in(parts.fit["__group"].implode())
    calibrates = group.is_in(parts.calibrate["__group"].implode()) & ~fits & ~stops
    stops &= ~fits
    return Parts(
        pl.concat([parts.fit, rows.filter(~stops & ~calibrates)]),
        pl.concat([parts.stop, rows.filter(stops)]),
        pl.concat([parts.calibrate, rows.filter(calibrates)]),
        parts.test,
    )


def learned_from(parts: Parts, cutoffs: Cutoffs) -> Cutoffs:
    """The cutoffs whose rows were learned from."""
    return Cutoffs(tuple(parts.learning["__cutoff"].unique().sort().to_list()), cutoffs.test)


def _back(window: Window) -> timedelta:
    return timedelta(days=max(round(YEAR / window.prediction), 1) * window.prediction)


def _trial(learning: pl.DataFrame, latest: datetime, *, seed: int) -> Parts:
    """The learning rows as if the latest of their cutoffs were the test."""
    before, at = learning.filter(pl.col("__cutoff") < latest), learning.filter(pl.col("__cutoff") == latest)
    return Parts(*learning_parts(before, None, seed=seed), at)


def _judged(task: Task, trial: Parts, fits: Mapping[str, Fit]) -> dict[str, Judged]:
    """Each candidate on the trial's test; one that cannot be calibrated is left out."""
    taught = teach(task.table.features, trial.fit, trial.stop, trial.calibrate, label_event=task.label_event)
    matrix, outcome = taught.matrix(trial.test), labels(trial.test)
    found = {kind: judge(taught, fit, matrix, outcome, seed=task.seed) for kind, fit in fits.items()}
    return {kind: seen for kind, seen in found.items() if seen.rises}
