"""Whether customers are picked better by uplift than by plain response, and than by contacting anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.config.use_case import Treatment
from scoring.bundle.uplift_part import UpliftEvidence
from training.data.split import clusters_of, labels
from training.fitting.lesson import Fit
from training.selection.cross_validation import compare
from training.uplift.cross_fit import ArmRates
from training.uplift.design import Design
from training.uplift.policies import Trial, figures_of

LEVEL = 0.05  # one-sided, over all learners that are tried

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JudgedCampaign:
    """A campaign's rows with their effects, and what they show."""

    trial: Trial
    effects: Floats  # of each row, for the good
    evidence: UpliftEvidence


def judge_uplift(
    rows: pl.DataFrame,
    design: Design,
    rates: Mapping[str, ArmRates],
    fold: NDArray[np.int64],
    fits: Mapping[str, Fit],
    treatment: Treatment,
    *,
    negative: bool,
    seed: int,
) -> JudgedCampaign:
    """The simplest learner within one paired standard error of the best, and its evidence.

    Args:
        rows: All of the campaign.
        design: Its arms.
        rates: Each learner's predicted rates of the rows dealt after the first, the simplest learner first.
        fold: When each row was dealt; those of one number were predicted by the same models.
        fits: The learners.
        treatment: What is planned.
        negative: Whether the outcome is bad news: what counts for the good is then that it stays away.
        seed: Draws customers.
    """
    later = fold > 0
    rows, treated, fold = rows.filter(later), design.treated[later], fold[later]
    outcome = labels(rows)
    trial = Trial(treated, 1 - outcome if negative else outcome, design.share, clusters_of(rows), fold)
    good = {kind: _for_the_good(one, negative=negative) for kind, one in rates.items()}
    means = [np.mean([getattr(one, arm) for one in good.values()], axis=0) for arm in ("treated", "control")]
    effects = trial.effects(*means)
    behind = _behind(effects, good, rows)
    kind = next(kind for kind, one in behind.items() if one["behind"] <= one["standard_error"])
    uplift = good[kind].treated - good[kind].control
    response = rates[kind].control if negative else rates[kind].treated
    depth, price = treatment.depth, treatment.price
    policies = {
        "uplift": trial.picked(uplift, depth),
        "response": trial.picked(response, depth),
        "everyone": np.full(rows.height, 1.0 if price else depth),  # where contacts are free, as many, whoever they are
    }
    level = LEVEL / len(fits)
    figures = figures_of(trial, effects, policies, trial.ranks(uplift), price=price, level=level, seed=seed)
    evidence = UpliftEvidence(
        auuc=figures.auuc,
        balance=design.balance,
        beats=dict(figures.beats),
        behind=behind,
        control=int((~design.treated).sum()),
        depth=depth,
        effect=figures.effect,
        judged=rows.height,
        learner=kind,
        level=level,
        policies=dict(figures.values),
        price=price,
        qini=figures.qini,
        share=design.share,
        treated=int(design.treated.sum()),
    )
    return JudgedCampaign(trial, effects, evidence)


def _for_the_good(rates: ArmRates, *, negative: bool) -> ArmRates:
    return ArmRates(1 - rates.treated, 1 - rates.control) if negative else rates


def _behind(effects: Floats, good: Mapping[str, ArmRates], rows: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Each learner's squared error of the effects (Kennedy 2023, the DR-learner's loss), paired with the best's."""
    losses = {kind: np.square(effects - (one.treated - one.control)) for kind, one in good.items()}
    return compare(losses, rows["__group"].to_numpy())
