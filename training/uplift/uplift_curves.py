"""How well a ranking by uplift orders customers: the Qini curve and the uplift curve, and the areas under them.

Customers are taken from the highest predicted uplift on; rows of one score are taken together. With treated and control
rows N_t(k), N_c(k) among the first k, and their outcomes for the good Y_t(k), Y_c(k):

- Qini curve (Radcliffe 2007, Using control groups to target on predicted lift): Y_t(k) - Y_c(k) N_t(k) / N_c(k), here
  over all treated rows. `qini` is the area between it and the straight line to its end, over the share of customers
  taken; 0 is chance. It is not divided by that of a "perfect" ranking, which no model can have and noise may exceed.
- Uplift curve: (Y_t(k) / N_t(k) - Y_c(k) / N_c(k)) k / N. `auuc` is the area under it; chance has half the effect on
  all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class UpliftCurves:
    """Rows in the order of falling uplift; the curves can be asked for under row weights in the order given."""

    order: NDArray[np.intp]
    ends: NDArray[np.intp]  # the last row of each run of equal scores, in that order
    treated: Floats  # 1 or 0, in that order
    good: Floats  # the outcome for the good, 1 or 0, in that order

    @classmethod
    def of(cls, uplift: Floats, treated: NDArray[np.bool_], good: Floats) -> UpliftCurves:
        """Of scores, of which the higher are to be treated first."""
        order = np.argsort(-uplift, kind="stable")
        ends = np.flatnonzero(np.r_[np.diff(uplift[order]) != 0, True])
        return cls(order, ends, treated[order].astype(np.float64), good[order])

    def areas(self, weights: Floats | None = None) -> tuple[float, float]:
        """`qini` and `auuc`, under row weights."""
        taken, qini, uplift = self.curves(weights)
        below = float(np.trapezoid(qini, taken)) - float(qini[-1]) / 2
        return below, float(np.trapezoid(uplift, taken))

    def curves(self, weights: Floats | None = None) -> tuple[Floats, Floats, Floats]:
        """The share of customers taken, the Qini curve and the uplift curve, each from 0 on."""
        weight = np.ones(len(self.order)) if weights is None else weights[self.order]
        mine, others = weight * self.treated, weight * (1 - self.treated)
        amounts = (self._running(rows) for rows in (mine, others, mine * self.good, others * self.good))
        treated, control, gained, came = amounts
        taken = (treated + control) / max(treated[-1] + control[-1], 1e-12)
        expected = _over(came, control)
        qini = (gained - expected * treated) / max(treated[-1], 1e-12)
        return taken, qini, (_over(gained, treated) - expected) * taken

    def _running(self, amounts: Floats) -> Floats:
        return np.asarray(np.r_[0.0, np.cumsum(amounts)[self.ends]])


def _over(amounts: Floats, counts: Floats) -> Floats:
    """Rates; 0 where nobody is counted yet."""
    return np.divide(amounts, counts, out=np.zeros_like(amounts), where=counts > 0)
