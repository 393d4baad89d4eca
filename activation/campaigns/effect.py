"""The difference between two arms with its interval: fixed for one planned look, a sequence for any number of looks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm, t

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ArmMoments:
    """A figure in one arm: how many customers, its mean, and its variance among them (n - 1)."""

    n: int
    mean: float
    variance: float

    @classmethod
    def of_sums(cls, n: int, total: float, squares: float) -> ArmMoments:
        """From the sum and the sum of squares."""
        mean = total / n if n else 0.0
        variance = max(squares - n * mean * mean, 0.0) / (n - 1) if n > 1 else 0.0
        return cls(n, mean, variance)

    @property
    def squared_error(self) -> float:
        """The variance of the mean."""
        return self.variance / self.n


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of the treated less that of the control, with its standard error and Welch's degrees of freedom."""

    estimate: float
    standard_error: float
    freedom: float
    n: int  # of both arms


def difference(treated: ArmMoments, control: ArmMoments) -> Difference:
    """Of two arms of at least two customers each."""
    parts = (treated.squared_error, control.squared_error)
    total = sum(parts)
    spread = parts[0] ** 2 / (treated.n - 1) + parts[1] ** 2 / (control.n - 1)
    freedom = total**2 / spread if spread else float(treated.n + control.n - 2)
    return Difference(treated.mean - control.mean, math.sqrt(total), freedom, treated.n + control.n)


def relative_difference(treated: ArmMoments, control: ArmMoments) -> Difference:
    """The same as a share of the control's mean, which must not be 0; its error by the delta method."""
    share = treated.mean / control.mean
    error = math.sqrt(treated.squared_error + control.squared_error * share**2) / abs(control.mean)
    plain = difference(treated, control)
    return Difference(share - 1, error, plain.freedom, plain.n)


def fixed_interval(found: Difference, level: float) -> Interval:
    """Welch's interval: holds at one look that was planned, and at no other."""
    reach = float(t.ppf((1 + level) / 2, found.freedom)) * found.standard_error
    return found.estimate - reach, found.estimate + reach


def sequence_interval(found: Difference, level: float, *, tightest_at: int) -> Interval:
    """An asymptotic confidence sequence: at all looks together it misses the truth as rarely as `level` says.

    Equations 9 and 161 of Waudby-Smith and others, "Time-uniform central limit theory and asymptotic confidence
    sequences" (arXiv 2103.06476 v7).

    Args:
        found: Of all customers known so far.
        level: In (0, 1).
        tightest_at: For how many customers it is tightest: those of the planned look.
    """
    error = 1 - level
    rho = math.sqrt((-2 * math.log(error) + math.log(1 - 2 * math.log(error))) / tightest_at)
    grown = found.n * rho**2 + 1
    reach = found.standard_error * math.sqrt(2 * grown * math.log(math.sqrt(grown) / error) / (found.n * rho**2))
    return found.estimate - reach, found.estimate + reach


def rate_interval(treated: tuple[int, int], control: tuple[int, int], level: float) -> Interval:
    """The interval of a difference of rates by hybrid scores (Newcombe, 1998, method 10), for one planned look.

    Args:
        treated: How many answered, and of how many.
        control: The same.
        level: In (0, 1).

    >>> low, high = rate_interval((56, 70), (48, 80), 0.95)
    >>> round(low, 4), round(high, 4)  # as in the paper
    (0.0524, 0.3339)
    """
    (low, high), (low_out, high_out) = wilson(*treated, level), wilson(*control, level)
    rate, rate_out = treated[0] / treated[1], control[0] / control[1]
    found = rate - rate_out
    return found - math.hypot(rate - low, high_out - rate_out), found + math.hypot(high - rate, rate_out - low_out)


def wilson(hits: int, n: int, level: float) -> Interval:
    """The score interval of a rate (Wilson, 1927)."""
    z = float(norm.ppf((1 + level) / 2))
    centre = (hits + z * z / 2) / (n + z * z)
    reach = z / (n + z * z) * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def rate_moments(hits: int, n: int) -> ArmMoments:
    """A rate's, its variance as with two hits and two misses more: a few customers alike do not make it certain."""
    known = (hits + 2) / (n + 4)
    return ArmMoments(n, hits / n, known * (1 - known))
