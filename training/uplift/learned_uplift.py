"""A campaign as a training learns from it: the treated and the control arm, the learner, and what the rows show.

The bundle's own model is that of treated customers: it says who answers when contacted, plain response scoring. The
control model stands beside it. Whether the difference of the two picks customers better than that score, and than
contacting anybody, is shown on every row of the campaign by models that have not seen it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.errors import UseCaseError
from features.tables.learning_table import TREATED
from scoring.bundle.bundle import Bundle, canonical_json
from scoring.bundle.scorer import Scorer
from scoring.bundle.uplift_part import UpliftEvidence, UpliftPart
from scoring.models.calibration import Calibration
from scoring.models.stored_model import TERMS
from scoring.text.promotion import GainInterval
from training.bundling.control_model import ControlModel
from training.data.encode import encode
from training.data.split import Parts, check, labels
from training.fitting.fit import Contender, Taught, teach_alike
from training.fitting.lesson import Fit, Fitted
from training.fitting.linear import constant
from training.selection.cross_validation import Choice
from training.task import Task
from training.uplift.cross_fit import cross_fitted, risen
from training.uplift.design import design_of
from training.uplift.policies import Trial, figures_of
from training.uplift.uplift_evidence import LEVEL, judge_uplift

LEARNERS = ("logit", "xgboost")  # the simplest first

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CampaignLesson:
    """What a campaign's rows taught, before the models that may serve are fitted."""

    treated: Parts  # what the bundle's own model is made of
    control: Parts
    choice: Choice
    evidence: UpliftEvidence
    test: pl.DataFrame  # of both arms
    tested: pl.DataFrame  # the test rows whose effects are known
    trial: Trial  # the same
    effects: Floats  # and their effects
    negative: bool  # whether the outcome is bad news, so that a good effect lowers it

    def control_model(self, task: Task, treated: Taught) -> ControlModel:
        """The control model, by the same learner as the one of the treated customers and on rows encoded as theirs."""
        taught = teach_alike(treated, self.control.fit, self.control.stop, self.control.calibrate)
        contender = risen(taught, _fits(task)[self.choice.kind], seed=task.seed)
        contender = contender or _constant(taught, float(labels(self.control.learning).mean()))
        ((name, stored),) = contender.fitted.files.items()
        part = UpliftPart(
            calibration=contender.calibration,
            evidence=self.evidence,
            file=name.replace("model.", "control."),
            kind=contender.fitted.kind,
            params=dict(contender.fitted.params),
        )
        return ControlModel(stored, part, taught.matrix(self.test))

    def over_champion(self, challenger: Bundle, champion: Bundle, *, seed: int) -> GainInterval | None:
        """How much more picking by a challenger's uplift is worth than by the champion's; None where one has none.

        On test rows; both contact as many.
        """
        ours, theirs = self._benefit(challenger), self._benefit(champion)
        if ours is None or theirs is None:
            return None
        depth = self.evidence.depth
        picked = {"uplift": self.trial.picked(ours, depth), "champion": self.trial.picked(theirs, depth)}
        figures = figures_of(self.trial, self.effects, picked, ours, price=0.0, level=LEVEL, seed=seed)
        return figures.beats["champion"]

    def _benefit(self, bundle: Bundle) -> Floats | None:
        """What a bundle says a contact does for the good of each test row; None where it does not."""
        scorer = Scorer(bundle)
        try:
            rows = encode(scorer.encoder, self.tested)
        except (ValueError, pl.exceptions.PolarsError):
            return None
        effects = scorer.uplift(rows, scorer.score(rows).margin)
        return None if effects is None else (-effects.uplift if self.negative else effects.uplift)


def learn_campaign(task: Task, parts: Parts) -> CampaignLesson | None:
    """What a campaign teaches; None where the use case is of none.

    Raises:
        DataError: Chance did not draw the arms, or one has too few outcomes.
        UseCaseError: Another learner is asked for than there are.
    """
    use_case, treatment = task.use_case, task.use_case.treatment
    if treatment is None:
        return None
    fits, rows = _fits(task), pl.concat([parts.learning, parts.test])
    treated, control = (check(_arm(parts, arm)) for arm in (1, 0))
    design, negative = design_of(task, rows, treatment, fits), use_case.polarity == "negative"
    rates, fold = cross_fitted(task, rows, fits)
    judged = judge_uplift(rows, design, rates, fold, fits, treatment, negative=negative, seed=task.seed)
    test = (np.arange(rows.height) >= parts.learning.height)[fold > 0]  # of the rows that were judged
    tested = parts.test.filter((fold > 0)[parts.learning.height :])
    trial = Trial(
        judged.trial.treated[test],
        judged.trial.good[test],
        design.share,
        judged.trial.clusters.taken(test),
        np.zeros(tested.height, dtype=np.int64),
    )
    choice = Choice(judged.evidence.learner)
    shown = (judged.evidence, parts.test, tested, trial, judged.effects[test])
    return CampaignLesson(treated, control, choice, *shown, negative)


def _fits(task: Task) -> dict[str, Fit]:
    """The learners that compete; the one that the use case asks for, if any.

    Raises:
        UseCaseError: It asks for another.
    """
    asked = task.use_case.candidate
    if asked is not None and asked not in LEARNERS:
        rule = f"candidate: must be one of {', '.join(LEARNERS)} where a campaign is learned from, got {asked}"
        raise UseCaseError(task.use_case.file, [rule])
    candidates = task.candidates()
    return {kind: candidates[kind] for kind in LEARNERS if asked in (None, kind)}


def _arm(parts: Parts, arm: int) -> Parts:
    """The rows of one arm in every part."""
    mine = pl.col(TREATED) == arm
    return Parts(*(rows.filter(mine) for rows in (parts.fit, parts.stop, parts.calibrate, parts.test)))


def _constant(taught: Taught, rate: float) -> Contender:
    """A model that says an arm's rate of everyone, where features tell nothing of it."""
    stored = canonical_json(msgspec.to_builtins(constant(taught.features, taught.codes, rate)))
    fitted = Fitted("constant", {TERMS: stored}, {})
    return Contender(fitted, fitted.model(), Calibration(1.0, 0.0))
