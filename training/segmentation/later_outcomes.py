"""What groups turned out to do: realised rates at later moments, their order, and what groups add to a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray
from scipy.stats import chi2_contingency
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Z95 = 1.959964
SURE = 0.01  # p of equal rates, below which groups differ
SETTINGS = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.1, "subsample": 0.8, "nthread": 1}
ROUNDS = 120
SCORED_ROWS = 30_000


@dataclass(frozen=True, slots=True)
class GroupOutcome:
    """How often the outcome came among the members of a group: Wilson's 95% interval."""

    members: int
    hits: int
    rate: float
    low: float
    high: float


def realised(labels: Integers, outcome: Floats, groups: Sequence[int]) -> list[GroupOutcome]:
    """The rates of groups at one moment."""
    return [_rate(int((labels == group).sum()), int(outcome[labels == group].sum())) for group in groups]


def _rate(members: int, hits: int) -> GroupOutcome:
    if not members:
        return GroupOutcome(0, 0, 0.0, 0.0, 1.0)
    share, square = hits / members, Z95**2
    middle = (share + square / (2 * members)) / (1 + square / members)
    half = Z95 * sqrt(share * (1 - share) / members + square / (4 * members**2)) / (1 + square / members)
    return GroupOutcome(members, hits, share, max(middle - half, 0.0), min(middle + half, 1.0))


def order_kept(moments: Sequence[Sequence[GroupOutcome]]) -> bool | None:
    """Whether groups differ at every moment, and no two of them stand the other way round at another.

    Two whose rates do not differ surely at any moment have no order that could be kept. None where there are not two
    moments, or not two groups.
    """
    if len(moments) < 2 or min(len(each) for each in moments) < 2:
        return None
    if not all(_differ(each) for each in moments):
        return False
    for one, other in combinations(range(len(moments[0])), 2):
        signs = {np.sign(each[one].rate - each[other].rate) for each in moments}
        if len(signs - {0.0}) > 1 and any(_differ([each[one], each[other]]) for each in moments):
            return False
    return True


def _differ(rates: Sequence[GroupOutcome]) -> bool:
    """Whether rates are not all equal, by a chi-squared test."""
    table = np.array([[each.hits, each.members - each.hits] for each in rates if each.members])
    if len(table) < 2 or not table.sum(axis=0).all():
        return False
    return bool(chi2_contingency(table, correction=False).pvalue < SURE)


@dataclass(frozen=True, slots=True)
class ScoreGain:
    """The log-loss at the last moment of a score alone, and of the score with the groups."""

    score: float
    with_groups: float

    @property
    def gain(self) -> float:
        """How much the groups take off the log-loss."""
        return self.score - self.with_groups


def score_gain(
    features: Sequence[Floats], outcomes: Sequence[Floats], groups: Sequence[Integers], *, seed: int
) -> ScoreGain | None:
    """What groups add to a score: learned at the first of three moments, weighed at the second, judged at the third."""
    if len(features) != 3 or any(len(np.unique(each)) < 2 for each in outcomes):
        return None
    pick = [np.random.default_rng(seed).permutation(len(each))[:SCORED_ROWS] for each in outcomes]
    learned = xgb.train(
        {**SETTINGS, "seed": seed}, xgb.DMatrix(features[0][pick[0]], outcomes[0][pick[0]], nthread=1), ROUNDS
    )
    margins = [
        learned.predict(xgb.DMatrix(features[at][pick[at]], nthread=1), output_margin=True)[:, None] for at in (1, 2)
    ]
    names = np.unique(np.concatenate([groups[1], groups[2]]))
    marks = [(groups[at][pick[at]][:, None] == names[1:]).astype(np.float64) for at in (1, 2)]
    losses = []
    for inputs in (margins, [np.hstack([margin, mark]) for margin, mark in zip(margins, marks, strict=True)]):
        weighed = LogisticRegression(C=100.0, max_iter=1000).fit(inputs[0], outcomes[1][pick[1]])
        losses.append(float(log_loss(outcomes[2][pick[2]], weighed.predict_proba(inputs[1])[:, 1])))
    return ScoreGain(*losses)
