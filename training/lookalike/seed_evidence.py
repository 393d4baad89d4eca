"""How well the model finds seed members it has not seen: part of the seed is kept aside, again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.data.clusters import Clusters, percentiles
from training.evaluation.metrics import Outcomes
from training.lookalike.customer_table import CustomerTable
from training.lookalike.seed_model import Floats, Rows, fit_seed_model

FOLDS, ROUNDS = 5, 4  # a fifth is kept aside each time, every customer once a round
LEVEL = 0.95
_EDGE = 1e-6  # ranks are kept within (0, 1), as the metrics take probabilities


class EvidenceIntervals(msgspec.Struct, frozen=True):
    """Low and high of each figure."""

    roc_auc: tuple[float, float]
    lift_at_10: tuple[float, float]


class SeedEvidence(msgspec.Struct, frozen=True):
    """How seed members that were kept aside rank among the others who were."""

    roc_auc: float  # the share of others whom a member stands before; .5 is chance
    lift_at_10: float  # how many times as many of them are in the top tenth as in any tenth
    intervals: EvidenceIntervals
    level: float  # of the intervals
    members: int  # of the seed
    others: int
    rounds: int
    share: float  # kept aside each time
    better_than_chance: bool  # whether the whole interval of the ROC-AUC is above .5


def seed_evidence(table: CustomerTable, seed: NDArray[np.bool_], rows: Rows, *, random_seed: int) -> SeedEvidence:
    """The means over rounds, with intervals by a bootstrap of customers, those of one draw in all rounds.

    Ranks are taken within what is kept aside at once, so that no two models are compared.
    """
    label = seed[rows].astype(np.float64)
    rounds = [_ranked(table, seed, rows, np.random.default_rng([random_seed, number])) for number in range(ROUNDS)]
    figures = _figures(rounds, np.ones(len(rows)))
    drawn = [_figures(rounds, weights) for weights in Clusters.apart(len(rows)).draws(seed=random_seed)]
    members = int(label.sum())
    intervals = [percentiles([one[at] for one in drawn], members, level=LEVEL) for at in range(2)]
    (low, high), (least, most) = intervals
    return SeedEvidence(
        roc_auc=figures[0],
        lift_at_10=figures[1],
        intervals=EvidenceIntervals((low, high), (least, most)),
        level=LEVEL,
        members=members,
        others=len(rows) - members,
        rounds=ROUNDS,
        share=1 / FOLDS,
        better_than_chance=low > 0.5,
    )


@dataclass(frozen=True)
class _Round:
    """Every row kept aside once."""

    order: NDArray[np.intp]  # the rows by falling rank
    outcomes: Outcomes  # in that order


def _ranked(table: CustomerTable, seed: NDArray[np.bool_], rows: Rows, random: np.random.Generator) -> _Round:
    """The rank of each row by a model that has not seen it: the share of the others kept aside who are below it."""
    label = seed[rows]
    fold, rank = _dealt(label, random), np.empty(len(rows))
    for number in range(FOLDS):
        aside = fold == number
        model = fit_seed_model(table, seed, rows[~aside])
        found = model.log_odds(table.matrix[rows[aside]])
        others = np.sort(found[~label[aside]])
        below = (np.searchsorted(others, found) + np.searchsorted(others, found, side="right")) / 2
        rank[aside] = np.clip(below / len(others), _EDGE, 1 - _EDGE)
    order = np.argsort(-rank, kind="stable")
    return _Round(order, Outcomes.of(label[order], rank[order]))


def _dealt(label: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.int64]:
    """The fold of each row: as many members of the seed in each as can be, and as many others."""
    fold = np.empty(len(label), np.int64)
    for value in (True, False):
        mine = np.flatnonzero(label == value)
        fold[random.permutation(mine)] = np.arange(len(mine)) % FOLDS
    return fold


def _figures(rounds: Sequence[_Round], weights: Floats) -> tuple[float, float]:
    """ROC-AUC and lift under row weights, the means over rounds."""
    found = [one.outcomes.figures(weights[one.order]) for one in rounds]
    return float(np.mean([one["roc_auc"] for one in found])), float(np.mean([one["lift_at_10"] for one in found]))
