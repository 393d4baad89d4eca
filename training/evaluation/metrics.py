"""How good probabilities are, with intervals: ranking, calibration, lift, and the rate of each tenth.

Rows of one probability stand together: where a tenth ends inside such a tie, it takes a share of the tie's rows and of
their outcomes, so that no figure depends on the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.manifest import Tenth
from training.data.clusters import DRAWS, Clusters, affordable, percentiles
from training.evaluation.calibration_error import calibration_error_interval

Floats = NDArray[np.float64]
METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "ece", "lift_at_10")
TENTHS = 10


@dataclass(frozen=True)
class Outcomes:
    """Labels beside probabilities, sorted by falling probability; every figure can be asked for under row weights."""

    label: Floats  # 0 or 1
    probability: Floats
    clusters: Clusters

    @classmethod
    def of(cls, label: NDArray[Any], probability: Floats, clusters: Clusters | None = None) -> Outcomes:
        """Labels (0/1) and probabilities of the same rows, in any order; `clusters` only where intervals are asked."""
        order = np.argsort(-probability, kind="stable")
        label, probability = (np.asarray(values, dtype=np.float64)[order] for values in (label, probability))
        if clusters is None or clusters.alone:
            return cls(label, probability, Clusters.apart(len(order)))
        return cls(label, probability, clusters.taken(order))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each run of equal probabilities starts."""
        return np.asarray(np.flatnonzero(np.r_[True, np.diff(self.probability) != 0]))

    @cached_property
    def alone(self) -> bool:
        """Whether no two probabilities are equal."""
        return len(self.starts) == len(self.probability)

    @cached_property
    def row_loss(self) -> Floats:
        """The negative log-likelihood of each row, in nats."""
        return -np.where(self.label == 1, np.log(self.probability), np.log1p(-self.probability))

    @cached_property
    def row_brier(self) -> Floats:
        """The squared error of each row."""
        return np.asarray((self.probability - self.label) ** 2)

    @cached_property
    def run_probability(self) -> Floats:
        """The probability of each run of equal ones."""
        return self.probability[self.starts]

    def per_run(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Weight, positive weight and expected positive weight of each run of equal probabilities."""
        weight, positive = self.summed(weights), self.summed(weights * self.label)
        return weight, positive, weight * self.run_probability

    def summed(self, amounts: Floats) -> Floats:
        """The sum of rows' amounts over each run of equal probabilities."""
        return amounts if self.alone else np.asarray(np.add.reduceat(amounts, self.starts))

    def figures(self, weights: Floats | None = None) -> dict[str, float]:
        """The six metrics; NaN where a class has no weight.

        `roc_auc`, `pr_auc` (average precision) and `lift_at_10` (rate of the top tenth over the base rate): higher is
        better. `log_loss` in nats, `brier` and `ece` (ten equal-count bins): lower is better.
        """
        return self.weighed(np.ones(len(self.label)) if weights is None else weights)[0]

    def weighed(self, rows: Floats) -> tuple[dict[str, float], Floats]:
        """The six metrics under row weights, and of each tenth how much more came than was said, over all rows.

        The absolute excesses add up to `ece`.
        """
        weight, positive, expected = self.per_run(rows)
        total, hits = float(weight.sum()), float(positive.sum())
        taken, found = _running(weight), _running(positive)
        came, said = _tenths(taken, found), _tenths(taken, _running(expected))
        excess = (came - said) / total
        if not 0 < hits < total:
            return dict.fromkeys(METRICS, float("nan")), excess
        figures = {
            "roc_auc": _roc_auc(weight, positive, found),
            "pr_auc": _average_precision(taken[1:], positive, found[1:]),
            "log_loss": float(np.dot(rows, self.row_loss)) / total,
            "brier": float(np.dot(rows, self.row_brier)) / total,
            "ece": float(np.abs(excess).sum()),
            "lift_at_10": came[0] / (total / TENTHS) / (hits / total),
        }
        return figures, excess

    def roc_auc(self, weights: Floats) -> float:
        """ROC-AUC alone, under row weights."""
        positive = self.summed(weights * self.label)
        return _roc_auc(self.summed(weights), positive, _running(positive))

    def excess(self, weights: Floats) -> Floats:
        """Of each tenth how much more came than was said, over all rows; also where there is one class only."""
        weight, positive, expected = self.per_run(weights)
        taken = _running(weight)
        return (_tenths(taken, _running(positive)) - _tenths(taken, _running(expected))) / float(weight.sum())

    def tenths(self) -> list[Tenth]:
        """By tenth of the rows, the highest first: mean probability, realised rate and its 90% interval (Wilson)."""
        weight, positive, expected = self.per_run(np.ones(len(self.label)))
        taken, size = _running(weight), len(self.label) / TENTHS
        came, said = _tenths(taken, _running(positive)), _tenths(taken, _running(expected))
        return [
            Tenth(
                tenth=at + 1,
                rows=size,
                predicted=float(said[at]) / size,
                realised=float(came[at]) / size,
                **wilson(float(came[at]), size, effect=self._effect(at, float(came[at]) / size)),
            )
            for at in range(TENTHS)
        ]

    def _effect(self, at: int, rate: float) -> float:
        """The design effect in a tenth, by the rows that lie in it."""
        edges = [len(self.label) * place // TENTHS for place in (at, at + 1)]
        mine = slice(*edges)
        return 1.0 if self.clusters.alone else self.clusters.taken(mine).design_effect(self.label[mine] - rate)

    def top(self, count: float) -> float:
        """Positives among the `count` rows of highest probability (a share of a tie where it ends inside one)."""
        weight, positive, _ = self.per_run(np.ones(len(self.label)))
        return float(np.interp(count, np.r_[0.0, weight.cumsum()], np.r_[0.0, positive.cumsum()]))


def measure(label: NDArray[Any], probability: Floats) -> dict[str, float]:
    """The six metrics of labels (0/1) and probabilities."""
    return Outcomes.of(label, probability).figures()


def intervals(
    label: NDArray[Any], probability: Floats, clusters: Clusters, *, seed: int, level: float = 0.95
) -> dict[str, list[float]]:
    """A bootstrap interval for each metric: customers drawn with replacement, seeded.

    The expanded percentiles of the drawn figures, but for `ece`, which resampling itself raises.
    """
    outcomes = Outcomes.of(label, probability, clusters)
    weighed = [outcomes.weighed(weights) for weights in outcomes.clusters.draws(seed=seed)]
    rarer = outcomes.clusters.rarer(outcomes.label)
    found = {name: percentiles([one[name] for one, _ in weighed], rarer, level=level) for name in METRICS}
    excess = outcomes.excess(np.ones(len(label)))
    found["ece"] = list(calibration_error_interval(excess, np.stack([one for _, one in weighed]), level=level))
    return found


def ece_by_chance(
    label: NDArray[Any], probability: Floats, clusters: Clusters, *, seed: int, share: float = 0.95
) -> float:
    """The calibration error that a share of label sets drawn from the probabilities themselves stays within.

    A model whose error is no larger is as well calibrated as that many customers can tell: where they have several
    rows, chance is larger by the root of the design effect that the labels show.
    """
    rows = len(probability)
    drawn = Outcomes.of(np.zeros(rows), probability)
    weight, _, expected = drawn.per_run(np.ones(rows))
    taken = _running(weight)
    said = _tenths(taken, _running(expected))
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < drawn.probability for _ in range(affordable(rows, DRAWS)))
    came = (_tenths(taken, _running(drawn.summed(label.astype(np.float64)))) for label in labels)
    errors = [_error(weight, each, said) for each in came]
    return float(np.quantile(errors, share) * np.sqrt(clusters.design_effect(label - probability)))


def row_losses(label: NDArray[Any], probability: Floats) -> Floats:
    """The negative log-likelihood of each row, in nats, in the order given; lower is better."""
    return -np.where(np.asarray(label) == 1, np.log(probability), np.log1p(-probability))


def wilson(hits: float, rows: float, *, effect: float = 1.0, z: float = 1.6448536269514722) -> dict[str, float]:
    """The Wilson score interval of a rate, 90% by default: {"low", "high"} within 0..1.

    `effect` is the design effect: so many rows say as much as one independent row.
    """
    if rows <= 0:
        return {"low": 0.0, "high": 1.0}
    hits, rows = hits / effect, rows / effect
    rate, slack = hits / rows, z * z / rows
    centre = (rate + slack / 2) / (1 + slack)
    reach = z / (1 + slack) * np.sqrt(rate * (1 - rate) / rows + slack / (4 * rows))
    return {"low": float(max(centre - reach, 0.0)), "high": float(min(centre + reach, 1.0))}


def _running(amounts: Floats) -> Floats:
    """The sums of the first 0, 1, ... amounts."""
    sums = np.zeros(len(amounts) + 1)
    np.cumsum(amounts, out=sums[1:])
    return sums


def _roc_auc(weight: Floats, positive: Floats, found: Floats) -> float:
    """`found` are the running sums of `positive`, here and below."""
    negative = weight - positive
    above = found[1:] - positive / 2  # a tie counts half
    return float(np.dot(above, negative) / (positive.sum() * negative.sum()))


def _error(weight: Floats, came: Floats, said: Floats) -> float:
    """From what came and what was said by tenth of the weight."""
    return float(np.abs(came - said).sum() / weight.sum())


def _average_precision(taken: Floats, positive: Floats, found: Floats) -> float:
    precision = np.divide(found, taken, out=np.zeros_like(taken), where=taken > 0)
    return float(np.dot(positive, precision) / positive.sum())


def _tenths(taken: Floats, sums: Floats) -> Floats:
    """How much of an amount, as its running sums, falls into each tenth of the weight, as its running sums."""
    edges = np.linspace(0.0, taken[-1], TENTHS + 1)
    return np.asarray(np.diff(np.interp(edges, taken, sums)))
