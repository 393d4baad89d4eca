"""A score as a sum: from the base value, reason by reason, to the log-odds of the customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from scoring.answers.wire import ExplainedScore
from scoring.models.calibration import sigmoid
from scoring.reasons.reason import Reason
from serving.console.web.i18n import Texts

LARGEST = 9  # contributions with a step of their own; the rest are one
WIDTH = 400.0  # units of the drawing


@dataclass(frozen=True, slots=True)
class Step:
    """One bar: from one sum to the next, in calibrated log-odds."""

    text: str
    contribution: float
    start: float
    end: float
    probability: float  # of the sum so far
    favourable: bool | None  # None: the base value and the total
    x: float  # left edge of the bar
    width: float


def waterfall(explanation: ExplainedScore, positive: bool, texts: Texts) -> list[Step]:
    """The steps of an explanation: base value, the largest contributions, the rest, the total.

    The contributions between base value and total add up to the log-odds a * margin + b.
    """
    base, named = explanation["base_value"], _largest(explanation["reasons"])
    rest = _rest(explanation["contributions"], {part for reason in named for part in _features(reason)})
    parts = [(texts.kept_together(reason["text"]), reason["contribution"]) for reason in named]
    if rest:
        text = texts["remaining_one"] if len(rest) == 1 else texts.of("remaining", n=len(rest))
        parts.append((text, sum(rest)))
    sums = [base, *(base + sum(amount for _, amount in parts[: n + 1]) for n in range(len(parts)))]
    total = base + sum(explanation["contributions"].values())
    low, high = min([*sums, total]), max([*sums, total])
    scale = _Scale(low, high)
    steps = [_step(texts["base_value"], base, base, base, None, scale)]
    for (text, amount), start, end in zip(parts, sums[:-1], sums[1:], strict=True):
        steps.append(_step(text, amount, start, end, (amount >= 0) == positive, scale))
    last = _step(texts["total"], total, total, total, None, scale)
    return [*steps, replace(last, probability=explanation["probability"])]


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float

    def __call__(self, value: float) -> float:
        spread = (self.high - self.low) or 1.0
        return round(4 + (WIDTH - 8) * (value - self.low) / spread, 1)


def _step(text: str, amount: float, start: float, end: float, favourable: bool | None, scale: _Scale) -> Step:
    left, right = scale(min(start, end)), scale(max(start, end))
    probability = float(sigmoid(np.asarray([end]))[0])
    return Step(text, amount, start, end, probability, favourable, left, round(max(right - left, 1.0), 1))


def _largest(reasons: list[Reason]) -> list[Reason]:
    """The reasons with a step of their own, in the order in which all are shown."""
    largest = sorted(reasons, key=lambda reason: -abs(reason["contribution"]))[:LARGEST]
    return [reason for reason in reasons if reason in largest]


def _features(reason: Reason) -> list[str]:
    """The names of all that a reason's contribution is of."""
    return [part["feature"] for part in reason["parts"]] or [reason["feature"]]


def _rest(contributions: Mapping[str, float], named: set[str]) -> list[float]:
    return [amount for name, amount in contributions.items() if name not in named]
