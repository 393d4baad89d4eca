"""What the test rows say of a model and of its baselines: figures with intervals, tenths, and who beats whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from scoring.bundle.manifest import SeedVariance, Tenth
from scoring.text.promotion import BarGain, baseline_text
from training.data.clusters import Clusters
from training.evaluation.metrics import Outcomes, ece_by_chance, intervals, measure
from training.evaluation.paired_gain import paired_gain

Floats = NDArray[np.float64]
BAR = ("rfm_logit", "logit")  # what a model must beat to be worth more than the trade's own: RFM where there is a log


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was measured, once, on the test rows."""

    metrics: dict[str, float]
    intervals: dict[str, list[float]]  # 95%
    baselines: dict[str, dict[str, float]]
    baseline_intervals: dict[str, dict[str, list[float]]]
    tenths: list[Tenth]
    ece_by_chance: float  # what 95% of labels drawn from the probabilities themselves stay within
    bar: str | None  # the baseline that must be beaten; None where the model is itself that baseline
    over_bar: BarGain | None  # the paired gain over it
    seed_variance: SeedVariance | None = None  # None where it was not measured

    @property
    def beats_bar(self) -> bool:
        """Whether the log-loss is surely lower than the baseline's."""
        return self.over_bar is not None and self.over_bar.log_loss_gain.low > 0

    def verdict(self, kind: str) -> str:
        """One plain sentence on the bar."""
        return baseline_text(self.over_bar, kind, "en")


def evidence_of(
    label: NDArray[Any],
    served: Floats,
    baselines: Mapping[str, Floats],
    clusters: Clusters,
    *,
    kind: str,
    seed: int,
) -> Evidence:
    """Measures the model and its baselines on the same test rows; `clusters` says which are one customer's."""
    bar = next((name for name in BAR if name in baselines), None)
    bar = None if bar == kind else bar
    gain = {"name": bar, **paired_gain(label, served, baselines[bar], clusters, seed=seed)} if bar else None
    return Evidence(
        measure(label, served),
        intervals(label, served, clusters, seed=seed),
        {name: measure(label, probability) for name, probability in baselines.items()},
        {name: intervals(label, probability, clusters, seed=seed) for name, probability in baselines.items()},
        Outcomes.of(label, served, clusters).tenths(),
        ece_by_chance(label, served, clusters, seed=seed),
        bar,
        msgspec.convert(gain, BarGain | None),
    )
