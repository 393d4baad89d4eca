"""Labels beside probabilities, gathered into cells of like rows, so that a bootstrap costs as much for a million."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FINEST = 2_048  # cells by probability; where fewer probabilities were met every one is a cell, and nothing is rounded
DRAWS = 200
TENTHS = 10

Floats = NDArray[np.float64]
FIGURES = ("roc_auc", "log_loss", "brier", "ece", "lift")


@dataclass(frozen=True, slots=True)
class WeighedRows:
    """Rows sorted by falling probability, with what each counts for; the weights add up to anything above 0."""

    label: Floats  # 0 or 1
    probability: Floats  # within (0, 1)
    weight: Floats

    @classmethod
    def of(cls, label: Floats, probability: Floats, weight: Floats | None = None) -> WeighedRows:
        """From rows in any order."""
        order = np.argsort(-probability, kind="stable")
        weights = np.ones(len(label)) if weight is None else weight
        return cls(label[order], probability[order], weights[order])

    def figures(self, capacity: float) -> dict[str, float]:
        """All figures; `capacity` is the share of the rows that the lift is of."""
        _, run = np.unique(-self.probability, return_inverse=True)
        taken, found = self._summed(run, self.weight), self._summed(run, self.weight * self.label)
        losses = -np.where(self.label == 1, np.log(self.probability), np.log1p(-self.probability))
        squares = (self.probability - self.label) ** 2
        total = float(self.weight.sum())
        return {
            "roc_auc": _roc_auc(taken, found),
            "log_loss": float(self.weight @ losses) / total,
            "brier": float(self.weight @ squares) / total,
            "ece": _calibration_error(taken, found, self._summed(run, self.weight * self.probability)),
            "lift": _lift(taken, found, capacity),
        }

    def drawn(self, capacity: float, *, seed: int) -> Iterator[dict[str, float]]:
        """The figures of samples drawn with replacement, but for the calibration error, which resampling itself raises.

        Within a cell the losses are those of its mean row.
        """
        cell = self._cells()
        rows = np.bincount(cell).astype(np.float64)
        means = {
            name: np.bincount(cell, weights=values) / rows
            for name, values in (("weight", self.weight), ("label", self.label), ("probability", self.probability))
        }
        losses = -np.where(self.label == 1, np.log(self.probability), np.log1p(-self.probability))
        loss = np.bincount(cell, weights=losses) / rows
        square = np.bincount(cell, weights=(self.probability - self.label) ** 2) / rows
        order = np.argsort(-means["probability"], kind="stable")
        _, run = np.unique(-means["probability"][order], return_inverse=True)
        random = np.random.default_rng(seed)
        for _ in range(DRAWS):
            weight = random.multinomial(len(self.label), rows / rows.sum()) * means["weight"]
            taken = self._summed(run, weight[order])
            found = self._summed(run, (weight * means["label"])[order])
            if not 0 < found.sum() < taken.sum():
                continue
            yield {
                "roc_auc": _roc_auc(taken, found),
                "log_loss": float(weight @ loss) / float(weight.sum()),
                "brier": float(weight @ square) / float(weight.sum()),
                "lift": _lift(taken, found, capacity),
            }

    def _cells(self) -> NDArray[np.int64]:
        """Which cell each row is of: of like probability, the same label and the same weight."""
        values, by_value = np.unique(-self.probability, return_inverse=True)
        if len(values) > FINEST:
            by_value = np.arange(len(self.label)) * FINEST // len(self.label)
        _, by_weight = np.unique(self.weight, return_inverse=True)
        key = (by_weight * 2 + self.label.astype(np.int64)) * (int(by_value.max()) + 1) + by_value
        return np.asarray(np.unique(key, return_inverse=True)[1], np.int64)

    @staticmethod
    def _summed(run: NDArray[np.int64], amounts: Floats) -> Floats:
        return np.asarray(np.bincount(run, weights=amounts), np.float64)


def _roc_auc(taken: Floats, found: Floats) -> float:
    """From weights, all and positive ones, by falling probability; a tie counts half."""
    missed = taken - found
    above = found.cumsum() - found / 2
    return float(np.dot(above, missed)) / float(found.sum() * missed.sum())


def _lift(taken: Floats, found: Floats, capacity: float) -> float:
    """The rate among the highest, over that of all; where the list ends inside a tie it takes a share of it."""
    size = capacity * taken.sum()
    came = float(np.interp(size, np.r_[0.0, taken.cumsum()], np.r_[0.0, found.cumsum()]))
    return float(came / size / (found.sum() / taken.sum()))


def _calibration_error(taken: Floats, found: Floats, predicted: Floats) -> float:
    """Over tenths of the weight: the mean distance of what was predicted from what came."""
    running = np.r_[0.0, taken.cumsum()]
    edges = np.linspace(0.0, running[-1], TENTHS + 1)
    came, said = (np.diff(np.interp(edges, running, np.r_[0.0, one.cumsum()])) for one in (found, predicted))
    return float(np.abs(came - said).sum() / running[-1])
