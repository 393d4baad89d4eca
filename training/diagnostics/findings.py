"""A training's findings on its own result, shown with the data's findings, never in the way of a promotion."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import polars as pl

from features.spec.feature import Feature, Finding, Scalar
from training.data.calendar_drift import share_outside
from training.data.split import Parts, clusters_of, labels
from training.evaluation.calibration_error import CALIBRATED
from training.evaluation.evidence import Evidence
from training.selection.cross_validation import is_small
from training.selection.winner import Learned

SHIFT = 0.1  # of the training base rate, and of the test rows, from which a shift is named


def training_findings(parts: Parts, learned: Learned, evidence: Evidence) -> tuple[Finding, ...]:
    """Few outcomes, a shifted base rate or population, probabilities off the realised rates, a baseline not beaten."""
    rates, error = parts.base_rates(), evidence.metrics["ece"]
    checks: list[tuple[bool, str, str, dict[str, Scalar]]] = [
        (
            is_small(parts.learning),
            "small_sample",
            "few outcomes to learn from: read the intervals, not the figures; only sums of terms competed",
            {},
        ),
        (
            rate_moved(parts),
            "base_rate_shift",
            f"the outcome's rate moved from {rates['train']:.3g} in training to {rates['test']:.3g} on the test rows",
            {name: round(rates[name], 4) for name in ("train", "test")},
        ),
        (
            error > max(CALIBRATED, evidence.ece_by_chance),
            "calibration",
            f"predicted and realised rates differ by {error:.3f} on average over ten bins",
            {"error": round(error, 4)},
        ),
        (
            evidence.bar is not None and not evidence.beats_bar,
            "baseline_not_beaten",
            evidence.verdict(learned.choice.kind),
            {"bar": evidence.bar, **_gain(evidence)},
        ),
    ]
    of_all = (Finding(rule, None, "warn", detail, figures) for found, rule, detail, figures in checks if found)
    left_out = learned.taught.lesson.clocks if learned.choice.kind in ("logit", "additive") else ()
    return (*of_all, *outgrown(parts, learned.taught.features, left_out))


def rate_moved(parts: Parts) -> bool:
    """Whether the outcome's rate on the test rows is another: by more than a tenth, and than chance alone shows.

    By chance: two standard errors of the difference of two shares that are one, by customer.
    """
    rates, rows = parts.base_rates(), parts.counts()
    rate = (rates["train"] * rows["train"] + rates["test"] * rows["test"]) / (rows["train"] + rows["test"])
    effects = {"train": _effect(parts.learning), "test": _effect(parts.test)}
    usual = 2 * math.sqrt(rate * (1 - rate) * sum(effect / rows[part] for part, effect in effects.items()))
    return abs(rates["test"] - rates["train"]) > max(SHIFT * rates["train"], usual)


def _effect(rows: pl.DataFrame) -> float:
    """The design effect of the outcome's rate."""
    outcome = labels(rows)
    return clusters_of(rows).design_effect(outcome - outcome.mean())


def outgrown(parts: Parts, features: Sequence[Feature], left_out: Collection[str] = ()) -> Iterator[Finding]:
    """The features that have left, in more than a tenth of the test rows, the range that the learning rows hold.

    No learning row says how the outcome goes on there: a tree answers as at the edge, a regression goes straight on
    but for what it has `left_out`.
    """
    learning = parts.learning
    for feature in features:
        share = share_outside(feature, learning[feature.name], parts.test[feature.name])
        if share > SHIFT:
            unused = feature.name in left_out
            detail = f"{share:.0%} of the test rows lie outside the range that the learning rows hold of it"
            detail += "; the regression leaves it out" * unused
            figures = {"share": round(share, 4), "left_out": unused}
            yield Finding("outside_learned_range", feature.name, "warn", detail, figures)


def _gain(evidence: Evidence) -> dict[str, float]:
    """How much lower the log-loss is than the bar's, with its interval."""
    if evidence.over_bar is None:
        return {}
    gain = evidence.over_bar.log_loss_gain
    return {"mean": round(gain.mean, 4), "low": round(gain.low, 4), "high": round(gain.high, 4)}
