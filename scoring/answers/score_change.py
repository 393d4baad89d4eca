"""What changed a score between two rows of one customer, exactly, in calibrated log-odds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.answers.served_release import Live
from scoring.bundle.published_contributions import rounded
from scoring.reasons.reasons import named_contributions

BASE, MODEL = "base", "model"
Row = NDArray[np.float64]  # encoded, shape (1, features)


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """The parts of a change; they add up to it."""

    features: dict[str, float]  # to nine decimals; those of forbidden features are one, `other_factors`
    base: float  # what their rounding leaves
    model: float | None  # what another version says of the earlier row beyond what the earlier one said

    @property
    def named(self) -> dict[str, float]:
        """All parts by name; a feature that has the name of another part keeps it, the part then stands in brackets."""
        parts = {BASE: self.base} if self.model is None else {BASE: self.base, MODEL: self.model}
        return self.features | {f"({name})" if name in self.features else name: part for name, part in parts.items()}

    @property
    def sum(self) -> float:
        """The change of the calibrated log-odds."""
        return math.fsum(self.named.values())


def score_change(old: Live, new: Live, *, said: Row, before: Row, after: Row) -> ScoreChange:
    """What each feature's change adds under the new release, and what another release adds by itself.

    Args:
        old: The release that scored the earlier row.
        new: The release that scored the later one.
        said: The earlier row as the old release encodes it.
        before: The earlier row as the new release encodes it.
        after: The later row.
    """
    (odds_before, named_before), (odds_after, named_after) = (_explained(new, row) for row in (before, after))
    features = {name: float(rounded(np.asarray(amount - named_before[name]))) for name, amount in named_after.items()}
    base = odds_after - odds_before - math.fsum(features.values())
    if old.release.version == new.release.version:
        return ScoreChange(features, base, None)
    return ScoreChange(features, base, odds_before - _log_odds(old, said))


def _explained(served: Live, row: Row) -> tuple[float, dict[str, float]]:
    """A row's calibrated log-odds, and its contributions by name."""
    explained = served.scorer.explain(row, served.scorer.score(row).margin)
    return _log_odds(served, row), named_contributions(served.release.bundle, explained.contributions[0])


def _log_odds(served: Live, row: Row) -> float:
    margin = served.scorer.score(row).margin
    return float(served.release.bundle.calibration.log_odds(margin)[0])
