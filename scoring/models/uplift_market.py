"""Today's customers by the effect of a contact: whom a contact changes for the good, and how many outcomes it adds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scoring.models.threshold_planner import TICKS, Floats, by_tick

_NARROWER = 1.6449 / 1.96  # from the ends of a 95% interval to those of a 90% one, of a mean of many rows


@dataclass(frozen=True)
class EffectEvidence:
    """What a campaign showed of contacting the share `depth` picked by uplift.

    `below` and `above` say how far the ends of the 95% interval lie from the mean, in outcomes per contact.
    """

    depth: float
    below: float
    above: float


@dataclass(frozen=True)
class UpliftMarket:
    """A population by uplift, signed so that more is better; a hit is an outcome for the good more than without."""

    ticks: NDArray[np.int64]  # ten-thousandths, falling
    rows: Floats
    mean: Floats
    evidence: EffectEvidence

    @classmethod
    def of(cls, effects: Floats, evidence: EffectEvidence) -> UpliftMarket:
        """The market of these customers' effects, each in (-1, 1), more being better."""
        return cls(*by_tick(effects), evidence)

    @property
    def gaining(self) -> int:
        """How many a contact changes for the good, by at least a ten-thousandth."""
        return int(self.rows[self.ticks > 0].sum())

    @cached_property
    def cuts(self) -> dict[str, Floats]:
        """Every cut, the highest effect first; hits add up the customers' effects.

        Their 90% interval is as wide as the campaign's evidence is: its rows that a cut would have picked are as many
        as the cut is deep, so the error of the mean effect of a contact falls with the root of that.
        """
        rows = self.rows.cumsum()
        hits = (self.rows * self.mean).cumsum()
        deep = _NARROWER * np.sqrt(self.evidence.depth * rows[-1] * rows)
        rate = hits / rows
        lift = rate / rate[-1] if rate[-1] > 0 else np.zeros(len(rate))  # none over an effect that is none
        return {
            "threshold": self.ticks / TICKS,
            "rows": rows,
            "hits": hits,
            "hits_low": hits - deep * self.evidence.below,
            "hits_high": hits + deep * self.evidence.above,
            "precision": rate,
            "lift": lift,
        }
