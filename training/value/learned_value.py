"""A use case's value model: fitted, calibrated and chosen before the test, tested once, ready for the bundle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.build.log_table import rows_at
from features.build.spend import SPENT, spent_after
from features.config.use_case import LogUseCase, Value
from features.point_in_time.feature_plan import FeaturePlan
from features.tables.learning_table import CUTOFF, ID
from scoring.bundle.value_part import ValueBand, ValueCandidate, ValueKind, ValuePart, ValueTest
from scoring.models.purchases import PurchaseRates
from scoring.models.value_model import parse_value
from training.bundling.value_receipt import StoredValue
from training.data.encode import encode
from training.data.split import clusters_of, share_out
from training.data.text_words import with_marks_of
from training.fitting.fit import Taught
from training.task import Task
from training.value.tested_horizon import ValueMoments, value_moments
from training.value.value_candidates import (
    Candidates,
    FittedValue,
    ValueLesson,
    deviance,
    fit_candidates,
    purchase_inputs,
)
from training.value.value_figures import tested, value_bands

SIMPLER = 0.002  # of the best deviance, within which the simpler candidate is taken, as among the scores
FEWEST = 100  # customers who spent in each part, below which nothing is claimed
STOPPING = 0.2  # of the learning customers
OTHERS = 0.3  # of the customers of a single cutoff, who calibrate in the place of a later one
FAR = 1.2  # times a predicted total may be off before it is noted
YEAR = 365.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Rows:
    """Customers at cutoffs as the bundle encodes them, and what each spent within the tested horizon."""

    table: pl.DataFrame
    matrix: Floats
    spent: Floats

    def taken(self, mask: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.table.filter(mask), self.matrix[mask], self.spent[mask])

    @property
    def spenders(self) -> int:
        return int(self.table.filter(self.spent > 0)[ID].n_unique())


@dataclass(frozen=True, slots=True)
class LearnedValue:
    """What a use case's [value] came to; without a model where the history is too short to claim anything."""

    stored: StoredValue | None
    note: str  # a sentence for the progress


def learn_value(task: Task, taught: Taught) -> LearnedValue | None:
    """The value model, which reads the rows of the score's own encoder; None where the use case asks for none.

    Raises:
        UseCaseError: The horizon is more than twice as long as the log can test.
    """
    use_case = task.use_case
    if not isinstance(use_case, LogUseCase) or use_case.value is None:
        return None
    moments = value_moments(task, use_case, use_case.value)
    if not moments.train:
        return LearnedValue(None, "no value: the history before the test is too short to learn from")
    rows = _rows(task, use_case, taught, moments)
    test = rows.taken((rows.table[CUTOFF] == moments.test).to_numpy())
    part = _dealt(rows, moments, seed=task.seed)
    fit, stop, calibrate = (rows.taken(part == number) for number in range(3))
    few = min(one.spenders for one in (fit, calibrate, test))
    if few < FEWEST or not calibrate.spent.sum() > 0:
        return LearnedValue(None, f"no value: {FEWEST} customers who spend are needed in each part, one has {few}")
    lesson = _lesson(task, taught, moments, fit, stop)
    chosen = _choose(lesson, calibrate)
    return _tested(task, use_case.value, moments, lesson, chosen, test)


@dataclass(frozen=True)
class _Chosen:
    """The candidate that serves, and by what it is multiplied so that the calibration rows' total is right."""

    candidates: Candidates
    fitted: FittedValue
    scale: float
    table: dict[ValueKind, ValueCandidate]


def _lesson(task: Task, taught: Taught, moments: ValueMoments, fit: _Rows, stop: _Rows) -> ValueLesson:
    plan = _plan(task)
    latest = (fit.table[CUTOFF] == fit.table[CUTOFF].max()).to_numpy()
    taken = (fit.matrix, fit.spent, latest, stop.matrix, stop.spent)
    return ValueLesson(taught.features, *taken, moments.days, plan.label, task.seed)


def _choose(lesson: ValueLesson, rows: _Rows) -> _Chosen:
    """The simplest candidate that is as good as the best, on rows that none has seen, each with their total."""
    candidates = fit_candidates(lesson)
    predicted = {kind: _predicted(fitted, lesson, rows.matrix) for kind, fitted in candidates.fitted.items()}
    scales = {kind: float(rows.spent.sum()) / float(one.sum()) for kind, one in predicted.items()}
    losses = {kind: deviance(rows.spent, scales[kind] * one) for kind, one in predicted.items()}
    best = min(losses.values(), key=lambda loss: float(loss.mean()))
    clusters = clusters_of(rows.table)
    table = {
        kind: ValueCandidate(float((loss - best).mean()), float(loss.mean()), clusters.error(loss - best))
        for kind, loss in losses.items()
    }
    kind = next(kind for kind, one in table.items() if one.behind <= SIMPLER * float(best.mean()))
    return _Chosen(candidates, candidates.fitted[kind], scales[kind], table)


def _tested(
    task: Task, asked: Value, moments: ValueMoments, lesson: ValueLesson, chosen: _Chosen, test: _Rows
) -> LearnedValue:
    """The model as it is served, with what the test rows say of it, looked at once."""
    expected = chosen.scale * _predicted(chosen.fitted, lesson, test.matrix)
    past = lesson.named("monetary", event=False, days=max(_plan(task).windows))
    figures = tested(
        expected,
        test.spent,
        None if past is None else test.matrix[:, _at(lesson, past)],
        _young(lesson, test.matrix, moments.days),
        moments.test,
    )
    stretch, noted = _stretch(chosen.candidates.rates, lesson, asked.horizon)
    unit = stretch * present(asked) * (asked.margin or 1.0)
    bands = value_bands(expected, test.spent, clusters_of(test.table), seed=task.seed)
    part = ValuePart(
        bands=_served(bands, unit, stretch, moments, asked.horizon),
        calibrated_on="later" if len(moments.train) > 1 else "others",
        candidates={str(kind): one for kind, one in chosen.table.items()},
        currency=_plan(task).currency,
        cutoffs=tuple(moment.date().isoformat() for moment in moments.train),
        discount=asked.discount,
        file=chosen.fitted.file,
        horizon=asked.horizon,
        kind=chosen.fitted.kind,
        margin=asked.margin,
        notes=(*chosen.candidates.notes, *noted, *_doubtful(figures)),
        scale=chosen.scale * unit,
        stretch=stretch,
        test=figures,
        tested=moments.days,
    )
    ratio = "nothing spent" if figures.ratio is None else f"predicted over actual {figures.ratio:.3f} on the test"
    return LearnedValue(StoredValue(part, chosen.fitted.stored, test.matrix), f"value by {part.kind}, {ratio}")


def _doubtful(figures: ValueTest) -> tuple[str, ...]:
    """What the test could not say, and where it says that the total is another by then: a season, or a trend."""
    far = figures.ratio is not None and not 1 / FAR <= figures.ratio <= FAR
    return (*(["total_off"] if far else []), *([] if figures.young else ["no_young_tested"]))


def present(asked: Value) -> float:
    """What 1 spent evenly over the horizon is worth today, by the yearly discount."""
    rate, years = math.log1p(asked.discount), asked.horizon / YEAR
    return -math.expm1(-rate * years) / (rate * years) if rate > 0 else 1.0


def _rows(task: Task, use_case: LogUseCase, taught: Taught, moments: ValueMoments) -> _Rows:
    """Eligible customers at every moment, with what they spent after it: nothing, where the log says nothing."""
    plan = _plan(task)
    every = (*moments.train, moments.test)
    table = with_marks_of(rows_at(use_case, every, task.objectors), task.table.features)
    kinds = (plan.label,) if plan.label in plan.amounts else plan.amounts
    spent = spent_after(use_case, every, moments.days, kinds, task.objectors)
    table = table.join(spent, on=[ID, CUTOFF], how="left", maintain_order="left")
    return _Rows(table, encode(taught.encoder, table), table[SPENT].fill_null(0.0).to_numpy())


def _dealt(rows: _Rows, moments: ValueMoments, *, seed: int) -> NDArray[np.int64]:
    """0 for rows to learn from, 1 for those that stop, 2 for those that calibrate and choose, 3 for the test."""
    cutoff = rows.table[CUTOFF]
    later = len(moments.train) > 1
    learning = (cutoff < moments.train[-1] if later else cutoff < moments.test).to_numpy()
    shares = (1 - STOPPING, STOPPING) if later else (1 - STOPPING - OTHERS, STOPPING, OTHERS)
    part = np.full(len(cutoff), 3)
    part[learning] = share_out(rows.table.filter(learning), shares, seed=seed)
    if later:
        part[(cutoff == moments.train[-1]).to_numpy()] = 2
    return part


def _predicted(fitted: FittedValue, lesson: ValueLesson, matrix: Floats) -> Floats:
    names = [feature.name for feature in lesson.features]
    model = parse_value({fitted.file: fitted.stored}, names)
    assert model is not None  # noqa: S101 its file was given
    return np.exp(model.log_spend(matrix))


def _stretch(rates: PurchaseRates | None, lesson: ValueLesson, horizon: int) -> tuple[float, tuple[str, ...]]:
    """What the horizon brings over the tested one: by how customers leave, where that is known, else at one pace."""
    if horizon == lesson.days:
        return 1.0, ()
    inputs = purchase_inputs(lesson)
    if rates is None or inputs is None:
        return horizon / lesson.days, ("stretched_at_one_pace",)
    known = inputs.purchases
    whole, part = (
        float(rates.expected(known.repeats, known.last, known.age, float(days)).sum())
        for days in (horizon, lesson.days)
    )
    return whole / part, ("stretched",)


def _served(
    bands: tuple[ValueBand, ...], unit: float, stretch: float, moments: ValueMoments, horizon: int
) -> tuple[ValueBand, ...]:
    """Bands of revenue within the tested horizon as bands of the value asked for.

    Beyond the tested horizon the ends are as far as though nothing more came, and as though all went on at one pace.
    """
    low, high = 1 / stretch, max(1.0, horizon / moments.days / stretch)
    return tuple(
        ValueBand(
            floor=band.floor * unit,
            high=band.high * high,
            low=band.low * low,
            predicted=band.predicted * unit,
            realised=band.realised * unit,
            rows=band.rows,
        )
        for band in bands
    )


def _young(lesson: ValueLesson, matrix: Floats, days: int) -> NDArray[np.bool_]:
    """Who is known for less than the horizon."""
    tenure = lesson.named("tenure", event=False)
    if tenure is None:
        return np.zeros(len(matrix), np.bool_)
    return np.asarray(matrix[:, _at(lesson, tenure)] < days)


def _plan(task: Task) -> FeaturePlan:
    plan = task.table.feature_plan
    assert plan is not None  # noqa: S101 it is of a log
    return plan


def _at(lesson: ValueLesson, name: str) -> int:
    return [feature.name for feature in lesson.features].index(name)
