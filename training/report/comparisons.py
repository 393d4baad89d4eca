"""What the report shows beside the served model, all on the same test rows; none of it decides anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from scoring.models.calibration import Calibration
from training.bundling.build import Built
from training.data.clusters import Clusters
from training.data.split import Parts
from training.diagnostics.feature_importance import CriteriaDocument, criteria
from training.diagnostics.groups import TraitGroups, by_group
from training.diagnostics.outliers import unusual
from training.diagnostics.reference_forest import reference_forest
from training.evaluation.metrics import intervals, measure
from training.promotion.champion import Champion
from training.selection.opens_worth import OpensWorth, opens_worth
from training.selection.seasonality import Season
from training.selection.winner import Learned
from training.task import Task

UNCALIBRATED = Calibration(1.0, 0.0)  # the sigmoid of the margin as the model gives it

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """The metrics of one set of probabilities, each with a 95% interval."""

    metrics: dict[str, float]
    intervals: dict[str, list[float]]

    @classmethod
    def of(cls, label: Floats, probability: Floats, *, clusters: Clusters, seed: int) -> Figures:
        """Measured on labels (0/1) of the same rows."""
        return cls(measure(label, probability), intervals(label, probability, clusters, seed=seed))


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The model before calibration, the champion, scikit-learn's forest, the declared groups, and unusual rows."""

    raw: Floats  # the test rows' probabilities before calibration
    uncalibrated: Figures
    champion: tuple[str, Figures] | None  # its version, and its figures on today's rows
    forest: Figures | None
    groups: list[TraitGroups]
    weighed: CriteriaDocument
    season: Season
    outliers: dict[str, dict[str, float]]  # by detector
    opens: OpensWorth | None  # None where no feature is made of opens of mail


def compare_models(
    task: Task, parts: Parts, learned: Learned, built: Built, champion: Champion | None, season: Season
) -> Comparisons:
    """Everything the report shows beside the model."""
    label, clusters, seed = learned.test_labels, learned.test_clusters, task.seed
    raw = UNCALIBRATED.probability(learned.margins[learned.choice.kind])
    forest = reference_forest(learned.taught, learned.test, seed=seed)
    theirs = champion.test if champion else None
    figures = partial(Figures.of, label, clusters=clusters, seed=seed)
    return Comparisons(
        raw,
        figures(raw),
        None if champion is None or theirs is None else (champion.number, figures(theirs)),
        None if forest is None else figures(forest),
        by_group(task.use_case, built.bundle.features, parts.test, label, built.probability, clusters, seed=seed),
        criteria(learned, seed=seed),
        season,
        unusual(learned.taught, learned.test, label, built.probability, seed=seed),
        opens_worth(task, parts, learned),
    )
