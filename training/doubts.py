"""What a training doubts about its own result: told with the data's findings, never in the way of a promotion."""

from __future__ import annotations

from features.types import Finding
from training.choose import is_small
from training.compete import Learned
from training.measure import Evidence
from training.split import Parts

SHIFT = 0.1  # of the training base rate, from which a shift is named
UNCALIBRATED = 0.03  # expected calibration error from which it is named


def doubts(parts: Parts, learned: Learned, evidence: Evidence) -> tuple[Finding, ...]:
    """Few outcomes, a shifted base rate, probabilities off the realised rates, a baseline that was not beaten."""
    rates, error = parts.base_rates(), evidence.metrics["ece"]
    told = [
        (
            is_small(parts.learning),
            "small_sample",
            "few outcomes to learn from: read the intervals, not the figures; only linear models competed",
        ),
        (
            abs(rates["test"] - rates["train"]) > SHIFT * rates["train"],
            "base_rate_shift",
            f"the outcome's rate moved from {rates['train']:.3f} in training to {rates['test']:.3f} on the test rows",
        ),
        (
            error > UNCALIBRATED,
            "calibration",
            f"predicted and realised rates differ by {error:.3f} on average over ten bins",
        ),
        (
            evidence.bar is not None and not evidence.beats_bar,
            "baseline_not_beaten",
            evidence.verdict(learned.choice.kind),
        ),
    ]
    return tuple(Finding(rule, None, "warn", detail) for doubted, rule, detail in told if doubted)
