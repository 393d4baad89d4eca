"""A blend: models whose log-odds are added up, each with a weight of its own, and their contributions likewise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.models.model import Model

ROUNDING = 1e-14  # of a sum of contributions, times the largest of them where that is beyond 1

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Blend:
    """A sum of models in log-odds. Shapley values are linear in the model, so that its reasons are the same sum."""

    members: tuple[tuple[float, Model], ...]  # each behind its weight, which is positive

    def margin(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw log-odds, shape (rows,)."""
        total = np.zeros(len(matrix))
        for weight, member in self.members:
            total += weight * member.margin(matrix).astype(np.float64)
        return total.astype(np.float32)

    def contributions(self, matrix: NDArray[np.float32]) -> Values:
        """What each feature adds to the raw log-odds, shape (rows, features)."""
        return self._summed([member.contributions(matrix) for _, member in self.members])

    def contributions_in_bulk(self, matrix: NDArray[np.float32]) -> tuple[Values, float] | None:
        """The same, where a member has a faster way by that, and how far apart the two may be; None where none has."""
        fast = [member.contributions_in_bulk(matrix) for _, member in self.members]
        if not any(fast):
            return None
        amounts = [
            member.contributions(matrix) if found is None else found[0]
            for (_, member), found in zip(self.members, fast, strict=True)
        ]
        error = sum(weight * found[1] for (weight, _), found in zip(self.members, fast, strict=True) if found)
        summed = self._summed(amounts)
        return summed, error + ROUNDING * max(1.0, float(np.abs(summed).max(initial=0.0)))

    def bias(self) -> float:
        """The sum of the members' own expected log-odds."""
        return sum(weight * member.bias() for weight, member in self.members)

    def _summed(self, amounts: list[Values]) -> Values:
        total = np.zeros_like(amounts[0])
        for (weight, _), each in zip(self.members, amounts, strict=True):
            total += weight * each
        return total
