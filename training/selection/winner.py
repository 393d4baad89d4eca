"""The winner and the baselines of one task, fitted, stopped and calibrated on the same rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from features.errors import UseCaseError
from scoring.models.calibration import Calibration
from training.data.clusters import Clusters
from training.data.split import Parts, clusters_of, labels
from training.errors import CalibrationError, NothingLearned
from training.evaluation.evidence import Evidence, evidence_of
from training.fitting.blending import BLENDED, BlendFit, blended
from training.fitting.candidates import OF_TREES, ON_RATES
from training.fitting.fit import Contender, Taught, contend, teach
from training.fitting.lesson import Fit, Fitted, Lesson
from training.selection.cross_validation import Choice, choose, tuned_fit
from training.selection.holdout_selection import choose_once, is_large
from training.selection.seed_variance import seed_variance_of
from training.selection.settings_search import median_fitted
from training.task import Task


@dataclass(frozen=True)
class Learned:
    """The winner and the baselines, and how the winner was chosen."""

    taught: Taught
    choice: Choice
    contenders: dict[str, Contender]
    test: NDArray[np.float32]  # the encoded test rows
    test_labels: NDArray[np.float64]
    test_clusters: Clusters  # which test rows are one customer's

    @property
    def winner(self) -> Contender:
        """The candidate that is built into the bundle."""
        return self.contenders[self.choice.kind]

    @cached_property
    def margins(self) -> dict[str, NDArray[np.float32]]:
        """The test rows' raw log-odds by candidate, the winner first; predicted once, however often they are read."""
        return {kind: contender.model.margin(self.test) for kind, contender in self.contenders.items()}

    @cached_property
    def served(self) -> dict[str, NDArray[np.float64]]:
        """The test rows' probabilities by candidate, the winner first."""
        return {kind: self.contenders[kind].calibration.probability(margin) for kind, margin in self.margins.items()}


def choose_for(task: Task, parts: Parts) -> Choice:
    """The candidate that the use case asks for, else the one that the learning rows speak for.

    Raises:
        UseCaseError: The candidate asked for needs a log.
    """
    fits, asked = task.candidates(), task.use_case.candidate
    known = (*fits, BLENDED)
    if asked is not None and asked not in known:
        raise UseCaseError(task.use_case.file, [f"candidate: must be one of {', '.join(known)} here, got {asked}"])
    features, seed = task.table.features, task.seed
    if is_large(parts, width=len(features)):
        return choose_once(parts, features, fits, seed=seed, asked=asked)
    return choose(parts.learning, features, fits, label_event=task.label_event, seed=seed, asked=asked)


def fit(task: Task, parts: Parts, choice: Choice) -> Learned:
    """Fits the winner by its median seed, and the baselines; one that cannot be calibrated is left out.

    What the choice has made already is taken as it is.

    Raises:
        NothingLearned: The winner's margin does not rise with the outcome on the calibration rows.
    """
    if choice.made is not None:
        taught, made = choice.made.taught, choice.made.contenders
        kinds = dict.fromkeys((choice.kind, *task.baselines))
        kept = {kind: made[kind] for kind in kinds if kind in made}
        return _learned(parts, taught, replace(choice, made=None), kept)
    taught = teach(task.table.features, parts.fit, parts.stop, parts.calibrate, label_event=task.label_event)
    fits = tuned_fit(task.candidates(), choice)
    known = choice.calibrations
    contenders = {choice.kind: _risen(taught, choice.kind, fits[choice.kind], task.seed, known.get(choice.kind))}
    for kind in task.baselines:
        if kind in fits and kind not in contenders:
            try:
                contenders[kind] = contend_as(taught, kind, fits[kind], task.seed, known.get(kind))
            except CalibrationError:
                continue
    return _learned(parts, taught, choice, contenders)


def _learned(parts: Parts, taught: Taught, choice: Choice, contenders: dict[str, Contender]) -> Learned:
    test = parts.test
    return Learned(taught, choice, contenders, taught.matrix(test), labels(test), clusters_of(test))


def measured(task: Task, parts: Parts, learned: Learned) -> Evidence:
    """What the test rows say, looked at once, and its seed variance."""
    served = learned.served
    baselines = {kind: served[kind] for kind in task.baselines if kind in served}
    kind = learned.choice.kind
    evidence = evidence_of(
        learned.test_labels, served[kind], baselines, learned.test_clusters, kind=kind, seed=task.seed
    )
    return replace(evidence, seed_variance=seed_variance_of(task, parts, learned.choice, learned.taught))


def _risen(taught: Taught, kind: str, fit: Fit, seed: int, calibration: Calibration | None) -> Contender:
    try:
        return contend_as(taught, kind, fit, seed, calibration)
    except CalibrationError as error:
        rule = "A model's score must rise with the outcome on rows it has not learned from"
        raise NothingLearned(f"{rule}, that of the {kind} does not: the features tell too little.") from error


def contend_as(taught: Taught, kind: str, fit: Fit, seed: int, calibration: Calibration | None = None) -> Contender:
    """A candidate as it would be served, calibrated; fitted on the calibration rows too where its own is known.

    Raises:
        CalibrationError: Its margin does not rise with the outcome.
    """
    return contend(taught, partial(_fitted, kind, fit), seed=seed, calibration=calibration)


def _fitted(kind: str, fit: Fit, lesson: Lesson, seed: int) -> Fitted:
    """Of a candidate whose seed matters the fit of the median seed; of a blend its members' fits."""
    if isinstance(fit, BlendFit):
        members = [_fitted(member, one, lesson, seed) for member, one in fit.members.items()]
        return blended(members, list(fit.weights.values()))
    return median_fitted(lesson, fit, seed=seed) if kind in (*OF_TREES, *ON_RATES) else fit(lesson, seed)
