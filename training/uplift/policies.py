"""What a policy, a rule of whom to contact, is worth: doubly robust, and paired with what other policies are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.text.promotion import GainInterval
from training.data.clusters import Clusters, percentiles
from training.uplift.uplift_curves import UpliftCurves

DRAWS = 1000
LEVEL = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """Rows of a campaign with what is known and predicted of them; every array has one entry a row."""

    treated: NDArray[np.bool_]
    good: Floats  # the outcome for the good: 1 where it came, of a negative use case where it did not
    share: float  # of treated rows, as it was drawn
    clusters: Clusters
    fold: NDArray[np.int64]  # rows of one fold were predicted by the same models

    def effects(self, treated: Floats, control: Floats) -> Floats:
        """Each row's effect, unbiased whatever the predictions are: their mean is the effect on all.

        Args:
            treated: Predicted rates of the good outcome, were the customer treated.
            control: And were they not.
        """
        ours = np.where(self.treated, (self.good - treated) / self.share, 0.0)
        others = np.where(self.treated, 0.0, (self.good - control) / (1 - self.share))
        return treated - control + ours - others

    def ranks(self, scores: Floats) -> Floats:
        """The share of rows of the same fold with a lower score, ties at their middle: comparable between folds."""
        found = np.empty(len(scores))
        for number in np.unique(self.fold):
            mine = self.fold == number
            ordered = np.sort(scores[mine])
            below, upto = (np.searchsorted(ordered, scores[mine], side=side) for side in ("left", "right"))
            found[mine] = (below + upto) / (2 * len(ordered))
        return found

    def picked(self, scores: Floats, depth: float) -> Floats:
        """How much of each row is contacted where the highest scores of its fold are, down to a depth.

        1 or 0, and between them a share of those who stand at the cut together.
        """
        weight = np.zeros(len(scores))
        for number in np.unique(self.fold):
            mine = np.flatnonzero(self.fold == number)
            room = depth * len(mine)
            cut = np.sort(scores[mine])[::-1][min(int(room), len(mine) - 1)]
            above, at = mine[scores[mine] > cut], mine[scores[mine] == cut]
            weight[above] = 1.0
            weight[at] = min(max(room - len(above), 0.0) / len(at), 1.0)
        return weight


@dataclass(frozen=True)
class PolicyFigures:
    """What was found of a trial, each figure with its interval."""

    values: Mapping[str, GainInterval]  # of each policy, per customer of all
    beats: Mapping[str, GainInterval]  # of the others, what the first policy is worth more
    effect: GainInterval
    qini: GainInterval
    auuc: GainInterval


def figures_of(
    trial: Trial,
    effects: Floats,
    policies: Mapping[str, Floats],
    ranking: Floats,
    *,
    price: float,
    level: float,
    seed: int,
) -> PolicyFigures:
    """The worth of policies and of a ranking, with bootstrap intervals of whole customers.

    Args:
        trial: The rows.
        effects: Each row's effect, as `Trial.effects` has it.
        policies: How much of each row each contacts, the one that is tried first.
        ranking: Whom to treat first, the highest.
        price: Of one contact, in outcomes.
        level: One-sided, of the ends of `beats`; all others are of 95%, two-sided.
        seed: Draws the customers.
    """
    tried, *others = policies
    worth = {name: weight * (effects - price) for name, weight in policies.items()}
    columns = np.stack([*worth.values(), *(worth[tried] - worth[name] for name in others), effects], axis=1)
    curves = UpliftCurves.of(ranking, trial.treated, trial.good)
    means, areas = [], []
    for drawn in trial.clusters.draws(seed=seed, count=DRAWS):
        means.append(drawn @ columns / drawn.sum())
        areas.append(curves.areas(drawn))
    independent = min(trial.clusters.taken(arm).rarer(trial.good[arm]) for arm in (trial.treated, ~trial.treated))
    found, seen = np.asarray(means), columns.mean(axis=0)

    def figure(at: int, level: float = LEVEL) -> GainInterval:
        low, high = percentiles(found[:, at], independent, level=level)
        return GainInterval(mean=float(seen[at]), low=low, high=high)

    def area(at: int) -> GainInterval:
        low, high = percentiles([one[at] for one in areas], independent, level=LEVEL)
        return GainInterval(mean=curves.areas()[at], low=low, high=high)

    return PolicyFigures(
        values={name: figure(at) for at, name in enumerate(policies)},
        beats={name: figure(len(policies) + at, 1 - 2 * level) for at, name in enumerate(others)},
        effect=figure(columns.shape[1] - 1),
        qini=area(0),
        auuc=area(1),
    )
