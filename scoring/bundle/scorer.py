"""Rows in, scores and contributions out; knows nothing of HTTP or MLflow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.bundle import Bundle
from scoring.bundle.published_contributions import published_contributions, rounded
from scoring.encoding.encoder import Encoder
from scoring.models.bands import percentile, published_score, published_score_of_one


@dataclass(frozen=True, slots=True)
class Scored:
    """What is published of each row; all arrays have one entry a row."""

    margin: NDArray[np.float32]  # raw log-odds, from the model
    probability: NDArray[np.float64]  # calibrated, in [1e-7, 1 - 1e-7]
    score: NDArray[np.float64]  # 0.1..99.9
    percentile: NDArray[np.int64]  # 1..100
    rung: NDArray[np.int64]  # position of the band in the ladder


@dataclass(frozen=True, slots=True)
class Explained:
    """Why: sigmoid(base_value + contributions.sum()) is the probability, on the calibrated scale."""

    base_value: NDArray[np.float64]  # shape (rows,)
    contributions: NDArray[np.float64]  # shape (rows, features)


@dataclass(frozen=True, slots=True)
class Uplifts:
    """What a contact changes, by the model of treated customers and that of the others; one entry a row."""

    treated: NDArray[np.float64]  # calibrated log-odds of the outcome, were the customer contacted
    control: NDArray[np.float64]  # and were they not
    uplift: NDArray[np.float64]  # the first probability less the second, in (-1, 1)


@dataclass(frozen=True, slots=True)
class Values:
    """What customers are expected to bring within the horizon, and what those so valued bring on average."""

    expected: NDArray[np.float64]
    low: NDArray[np.float64]  # of a 90% interval of that average
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ExplainedValues:
    """Why: base times the exponentials of the factors is the expected value."""

    base: NDArray[np.float64]  # of a typical customer, shape (rows,)
    factors: NDArray[np.float64]  # logarithms of what each feature multiplies by, shape (rows, features)


class Scorer:
    """One bundle, ready to score; every answer is made by it."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        usual = frozenset((one.feature, one.code) for one in bundle.manifest.usual_warnings or ())
        self.encoder = Encoder(bundle.features, bundle.manifest.encoder, usual_warnings=usual)
        self._position = {feature.name: position for position, feature in enumerate(bundle.features)}

    def score(self, matrix: NDArray[np.float64]) -> Scored:
        """Scores encoded rows, shape (rows, features)."""
        margin = self.bundle.model.margin(matrix.astype(np.float32))
        if len(margin) == 1:
            return self._scored_alone(margin)
        probability = self.bundle.calibration.probability(margin)
        return Scored(
            margin,
            probability,
            published_score(probability),
            percentile(probability, self.bundle.boundaries),
            self.bundle.ladder.rungs(probability),
        )

    def _scored_alone(self, margin: NDArray[np.float32]) -> Scored:
        """The same of one row: scalars cost a third of what arrays of one do."""
        probability = self.bundle.calibration.probability_of_one(float(margin[0]))
        return Scored(
            margin,
            np.array([probability]),
            np.array([published_score_of_one(probability)]),
            percentile(np.array([probability]), self.bundle.boundaries),
            np.array([self.bundle.ladder.rung_of_one(probability)]),
        )

    def explain(self, matrix: NDArray[np.float64], margin: NDArray[np.float32], *, in_bulk: bool = False) -> Explained:
        """Contributions in calibrated log-odds of rows that were scored; the base value takes up what rounding leaves.

        `in_bulk` is for very many rows: the same values, by a way that may load a compiler first.
        """
        model, scale = self.bundle.model, self.bundle.calibration.a
        contributions = published_contributions(model, scale, matrix.astype(np.float32), in_bulk=in_bulk)
        base_value = self.bundle.calibration.log_odds(margin) - contributions.sum(axis=1)
        return Explained(base_value, contributions)

    def uplift(self, matrix: NDArray[np.float64], margin: NDArray[np.float32]) -> Uplifts | None:
        """The effect of a contact on rows that were scored; None where the bundle does not serve it."""
        control, part = self.bundle.control, self.bundle.manifest.uplift
        if control is None or not part:
            return None
        untreated = control.margin(matrix.astype(np.float32))
        ours, calibration = self.bundle.calibration, part.calibration
        return Uplifts(
            ours.log_odds(margin),
            calibration.log_odds(untreated),
            ours.probability(margin) - calibration.probability(untreated),
        )

    def explain_uplift(self, matrix: NDArray[np.float64], effects: Uplifts, *, in_bulk: bool = False) -> Explained:
        """What each feature adds to the difference of the two log-odds, which base value and contributions add up to.

        Not to `uplift`, the difference of the probabilities: that has no such split.
        """
        control, part = self.bundle.control, self.bundle.manifest.uplift
        if control is None or not part:
            raise ValueError("The effect of a contact is explained where a bundle serves it, this one does not.")
        rows = matrix.astype(np.float32)
        treated = published_contributions(self.bundle.model, self.bundle.calibration.a, rows, in_bulk=in_bulk)
        untreated = published_contributions(control, part.calibration.a, rows, in_bulk=in_bulk)
        contributions = rounded(treated - untreated)
        return Explained(effects.treated - effects.control - contributions.sum(axis=1), contributions)

    def value(self, matrix: NDArray[np.float64]) -> Values | None:
        """What customers of encoded rows are expected to bring; None where the bundle does not serve it."""
        model, part = self.bundle.value, self.bundle.manifest.value
        if model is None or not part:
            return None
        expected = part.scale * np.exp(model.log_spend(matrix))
        floors = np.asarray([band.floor for band in part.bands])
        at = np.maximum(np.searchsorted(floors, expected, side="right") - 1, 0)
        low, high = (np.asarray([getattr(band, end) for band in part.bands])[at] for end in ("low", "high"))
        return Values(expected, expected * low, expected * high)

    def explain_value(self, matrix: NDArray[np.float64], expected: NDArray[np.float64]) -> ExplainedValues:
        """What each feature multiplies a typical customer's value by; the base takes up what rounding leaves."""
        if self.bundle.value is None:
            raise ValueError("A value is explained where a bundle serves it, this one does not.")
        factors = rounded(self.bundle.value.log_factors(matrix))
        return ExplainedValues(expected / np.exp(factors.sum(axis=1)), factors)

    def eligible(self, matrix: NDArray[np.float64]) -> NDArray[np.bool_] | np.bool_:
        """Whether the model covers each row, or all alike where it asks for nothing; a missing value never is."""
        rule = self.bundle.eligible
        if rule is None:
            return np.True_
        values = matrix[:, self._position[rule.feature]]
        return np.asarray(values <= rule.value if rule.op == "<=" else values >= rule.value)
