"""`python -m benchmarks.campaigns`: how often campaigns without any effect are found to have one, and intervals hold.

Every interval is that of the product: a false finding is one that excludes zero at any of a hundred looks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from activation.campaigns.adjusted_effect import without_explained
from activation.campaigns.effect import (
    ArmMoments,
    difference,
    fixed_interval,
    rate_interval,
    rate_moments,
    sequence_interval,
)
from activation.campaigns.outcome_store import take_outcomes
from activation.campaigns.power import needed
from activation.campaigns.result import campaign_result
from tests.support.campaigns import AFTER, ids, planned

LOOKS = 100
STEP = (40, 20)  # customers of each arm that a look adds
MOST_FALSE = 0.05
LEAST_HELD, MOST_HELD = 0.86, 0.94  # of intervals of 90 %
LEAST_POWER = 0.75  # of 80 %, by chance
WORTH = 40.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A share that was counted, and within which it must lie."""

    name: str
    share: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.low <= self.share <= self.high


def false_rates(rate: float, runs: int, random: np.random.Generator) -> tuple[float, float]:
    """Shares of null campaigns on a rate that the sequence, and a t-test at each look, ever find to have an effect."""
    sizes = np.cumsum(np.full((LOOKS, 2), STEP), axis=0)
    hits = np.cumsum(random.binomial(STEP, rate, (runs, LOOKS, 2)), axis=1)
    known = (hits + 2) / (sizes + 4)
    errors = np.sqrt((known * (1 - known) / sizes).sum(axis=2))
    apart = np.abs(hits[..., 0] / sizes[:, 0] - hits[..., 1] / sizes[:, 1]) / errors

    def excludes(run: int, look: int) -> bool:
        arms = [rate_moments(int(hits[run, look, arm]), int(sizes[look, arm])) for arm in (0, 1)]
        low, high = sequence_interval(difference(*arms), 0.95, tightest_at=sum(STEP) * LOOKS)
        return low > 0 or high < 0

    return _ever(apart, excludes)


def false_values(rate: float, runs: int, random: np.random.Generator) -> tuple[float, float]:
    """The same of values: a few customers spend, and what they spend is skewed."""
    sums, squares = (np.zeros((runs, LOOKS, 2)) for _ in range(2))
    for arm, size in enumerate(STEP):
        spent = random.gamma(2.0, WORTH / 2, (runs, LOOKS, size)) * (random.random((runs, LOOKS, size)) < rate)
        sums[..., arm], squares[..., arm] = spent.sum(axis=2).cumsum(axis=1), (spent**2).sum(axis=2).cumsum(axis=1)
    sizes = np.cumsum(np.full((LOOKS, 2), STEP), axis=0)
    means = sums / sizes
    spread = np.maximum(squares - sizes * means**2, 0) / (sizes - 1)
    errors = np.sqrt((spread / sizes).sum(axis=2))
    apart = np.divide(np.abs(means[..., 0] - means[..., 1]), errors, out=np.zeros_like(errors), where=errors > 0)

    def excludes(run: int, look: int) -> bool:
        arms = [
            ArmMoments.of_sums(int(sizes[look, arm]), float(sums[run, look, arm]), float(squares[run, look, arm]))
            for arm in (0, 1)
        ]
        low, high = sequence_interval(difference(*arms), 0.95, tightest_at=sum(STEP) * LOOKS)
        return low > 0 or high < 0

    return _ever(apart, excludes)


def _ever(apart: Floats, excludes: Callable[[int, int], bool]) -> tuple[float, float]:
    """Shares of runs in which a sequence ever excludes zero, which is asked where a t-test does, and of the latter."""
    found = apart > 1.96  # a sequence is wider
    wrong = sum(any(excludes(run, int(look)) for look in np.flatnonzero(found[run])) for run in range(len(apart)))
    return wrong / len(apart), float(found.any(axis=1).mean())


def effects(kind: str, scores: Floats) -> Floats:
    """How much a contact adds to the probability of an answer, by customer."""
    return {
        "known": np.full_like(scores, 0.03),
        "none": np.zeros_like(scores),
        "part": np.where(scores > 0.12, 0.09, 0.0),
    }[kind]


def covered(kind: str, runs: int, random: np.random.Generator) -> dict[str, float]:
    """How often intervals of 90 % hold what was planted: those of whole campaigns, and by the score from before."""
    held = dict.fromkeys(("answers", "money per contact", "by the score"), 0)
    for _ in range(runs):
        scores = random.beta(2, 18, 1_200)
        adds = effects(kind, scores)
        treated = np.arange(1_200) < 900
        answered = random.random(1_200) < scores + adds * treated
        worth = np.where(answered, random.gamma(2.0, WORTH / 2, 1_200), 0.0)
        planted = PLANTED[kind]
        rate, money = _whole_campaign(answered, worth)
        held["answers"] += rate[0] <= planted <= rate[1]
        held["money per contact"] += money[0] <= planted * WORTH <= money[1]
        rest = without_explained(answered.astype(np.float64), scores)
        arms = [
            ArmMoments.of_sums(len(part), float(part.sum()), float((part**2).sum()))
            for part in (rest[treated], rest[~treated])
        ]
        low, high = fixed_interval(difference(*arms), 0.9)
        held["by the score"] += low <= planted <= high
    return {name: count / runs for name, count in held.items()}


def _whole_campaign(answered: NDArray[np.bool_], worth: Floats) -> tuple[tuple[float, float], tuple[float, float]]:
    """The intervals of a campaign as it is kept, reported and looked at: of the rate, and of money a contact."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        campaign = planned(home)
        reported = pl.DataFrame({"customer_id": [*ids("t", 900), *ids("h", 300)], "answered": answered, "value": worth})
        unknown = [pl.lit(None, pl.Boolean()).alias(name) for name in ("contacted", "unsubscribed")]
        take_outcomes(home, campaign, reported.with_columns(unknown), known_to=AFTER, absent="unknown", currency=None)
        found = campaign_result(home, campaign, as_of=AFTER, level=0.9)
    if found.effect is None or found.incremental is None or found.incremental.per_contact_interval is None:
        raise RuntimeError("A campaign that is known of whole must have an effect.")
    return found.effect.interval, found.incremental.per_contact_interval


def _planted() -> dict[str, float]:
    scores = np.random.default_rng(0).beta(2, 18, 1_000_000)
    return {kind: float(effects(kind, scores).mean()) for kind in ("known", "none", "part")}


PLANTED = _planted()


def power(effect: float, runs: int, random: np.random.Generator) -> float:
    """How often a sequence finds an effect on values with as many customers as are said to be needed.

    The variance is that of a first test, large enough for it to be known.
    """
    first = [random.gamma(2.0, 2.0, 20_000) + shift for shift in (effect, 0.0)]
    known = difference(*(ArmMoments.of_sums(20_000, float(part.sum()), float((part**2).sum())) for part in first))
    wanted = needed(known, effect, 0.95) or 0
    half = wanted // 2
    drawn = random.gamma(2.0, 2.0, (runs, 2, half))
    drawn[:, 0] += effect
    found = 0
    for arms in drawn:
        moments = [ArmMoments.of_sums(half, float(part.sum()), float((part**2).sum())) for part in arms]
        low, _ = sequence_interval(difference(*moments), 0.95, tightest_at=wanted)
        found += low > 0
    return found / runs


def false_segments(runs: int, random: np.random.Generator, *, segments: int = 8) -> float:
    """How often any of several segments of a null campaign is found to have an effect, its interval corrected."""
    hits = random.binomial([150, 50], 0.1, (runs, segments, 2))
    level = 1 - 0.05 / segments
    wrong = 0
    for run in hits.tolist():
        bounds = [rate_interval((treated, 150), (control, 50), level) for treated, control in run]
        wrong += any(low > 0 or high < 0 for low, high in bounds)
    return wrong / runs


def figures(runs: int, campaigns: int, *, seed: int = 20) -> Iterator[Figure]:
    """All shares, and within which they must lie.

    Args:
        runs: Null campaigns of each kind.
        campaigns: Synthetic randomised campaigns of each kind.
        seed: Of all draws.
    """
    random = np.random.default_rng(seed)
    for rate in (0.005, 0.02, 0.1, 0.3):
        wrong, repeated = false_rates(rate, runs, random)
        yield Figure(f"false, {LOOKS} looks, rate {rate:g}, sequence", wrong, 0, MOST_FALSE)
        yield Figure(f"false, {LOOKS} looks, rate {rate:g}, t-test repeated", repeated, 0, 1)
    for rate in (0.05, 0.3):
        wrong, repeated = false_values(rate, runs, random)
        yield Figure(f"false, {LOOKS} looks, value, {rate:g} spend, sequence", wrong, 0, MOST_FALSE)
        yield Figure(f"false, {LOOKS} looks, value, {rate:g} spend, t-test repeated", repeated, 0, 1)
    yield Figure("false, any of 8 segments", false_segments(runs, random), 0, MOST_FALSE)
    for kind in PLANTED:
        for name, share in covered(kind, campaigns, random).items():
            yield Figure(f"held, effect {kind}, {name}", share, LEAST_HELD, MOST_HELD)
    for effect in (0.2, 0.5):
        yield Figure(
            f"found with as many as needed, effect {effect:g}", power(effect, campaigns, random), LEAST_POWER, 1
        )


def main() -> int:
    """Prints a table; 1 where a share lies without its bounds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.campaigns", description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000, help="null campaigns of each kind")
    parser.add_argument("--campaigns", type=int, default=500, help="synthetic randomised campaigns of each kind")
    options = parser.parse_args()
    held = True
    for one in figures(options.runs, options.campaigns):
        held &= one.holds
        mark = "" if one.holds else f"  must lie within {one.low:.0%} and {one.high:.0%}"
        print(f"{one.name:<52} {one.share:6.1%}{mark}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
